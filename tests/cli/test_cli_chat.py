"""`feallm chat`: answers alone with --ask, a conversation without, and mistakes that end with two."""

import signal

import pytest
from PIL import Image

from feallm.facs.answers import read_answer


@pytest.fixture
def ask(feallm_command, smiling, portrait):
    def run(*arguments, **options):
        return feallm_command("chat", portrait, "--model", smiling, *arguments, **options)

    return run


def test_each_question_has_one_line_and_nothing_else_is_printed(ask):
    result = ask("--ask", "Which emotion?", "--ask", "Is AU4 there?", "--ask", "Who is she?")
    assert result.exit_code == 0
    emotion, unit, identity = result.stdout.splitlines()
    assert emotion.startswith("The face shows happiness with a confidence of ")
    assert read_answer(unit).denied_aus == ("AU04",)
    assert "ask instead" in identity
    assert result.stderr == ""


def test_a_conversation_begins_with_the_verdict_and_ends_with_a_farewell(ask):
    result = ask(input="\nWhat if she did not smile?\nBye.\nWhy?\n")
    assert result.exit_code == 0
    verdict, answer = result.stdout.splitlines()
    assert "astronaut.png: happiness " in verdict
    assert verdict.endswith("AU6, AU12, AU14, AU25")
    assert answer.startswith("Without AU12, happiness would fall from ")


@pytest.mark.parametrize("typed", ["", "quit\n", "exit\n", "EXIT\nWhy?\n"])
def test_the_end_of_the_input_and_farewells_end_it(ask, typed):
    result = ask(input=typed)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 1


def test_one_of_several_faces_is_chosen(feallm_command, smiling, portrait, tmp_path):
    pair = Image.new("RGB", (1024, 512))
    for left in (0, 512):
        pair.paste(Image.open(portrait), (left, 0))
    pair.save(tmp_path / "pair.png")
    result = feallm_command("chat", tmp_path / "pair.png", "--model", smiling, "--face", "1", input="")
    assert "pair.png, face 1 of 2: happiness" in result.stdout
    beyond = feallm_command("chat", tmp_path / "pair.png", "--model", smiling, "--face", "2", "--ask", "Why?")
    assert beyond.exit_code == 2
    assert "there are 2 faces, numbered 0 to 1" in beyond.stderr


@pytest.mark.parametrize(
    ("photo", "options", "named"),
    [
        ("blank.png", (), "no face was found in"),
        ("missing.png", (), "cannot be read"),
        ("broken.jpg", (), "cannot be read"),
        ("astronaut.png", ("--label-set", "zodiac"), "label set 'zodiac'"),
        ("astronaut.png", ("--detector", "psychic"), "unknown detector"),
    ],
)
def test_mistakes_end_with_two_and_a_line_that_helps(feallm_command, smiling, photos, photo, options, named):
    result = feallm_command("chat", photos / photo, "--model", smiling, "--ask", "Why?", *options)
    assert result.exit_code == 2
    assert named in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_ctrl_c_ends_with_130(started, smiling, portrait):
    import subprocess

    process = started("chat", portrait, "--model", smiling, stdin=subprocess.PIPE)
    assert "happiness" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in out + err
