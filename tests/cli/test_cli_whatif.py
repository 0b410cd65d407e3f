"""`feallm whatif`: the table for people and for programs, and mistakes that end with two."""

import csv
import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from skimage import data

from feallm.report.talk import FaceWishes
from feallm.report.whatif import whatif
from feallm.report.wishes import ReaderWishes

SENTENCE = re.compile(r"Without AU12, happiness would fall from \d+% to \d+%, and neutral would lead with \d+%\.")


@pytest.fixture
def change(feallm_command, smiling, portrait):
    return lambda *arguments: feallm_command("whatif", portrait, "--model", smiling, *arguments)


def test_a_pipe_gets_tab_separated_numbers_and_the_sentence(change):
    result = change("--without", "AU12")
    assert result.exit_code == 0
    *table, which, sentence = result.stdout.splitlines()
    assert re.fullmatch(r"# .*astronaut\.png: happiness \d+%; AU.*", which)
    rows = list(csv.DictReader(io.StringIO("\n".join(table)), delimiter="\t"))
    assert len(rows) == 8
    assert SENTENCE.search(sentence)
    assert sentence.startswith("# ")
    for row in rows:
        difference = float(row["without AU12"]) - float(row["as seen"])
        assert float(row["difference"]) == pytest.approx(difference, abs=2e-6)
    assert sum(float(row["without AU12"]) for row in rows) == pytest.approx(1, abs=1e-5)


def test_a_terminal_gets_a_table_in_per_cent(smiling, portrait):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100, color_system=None)
    whatif(FaceWishes(str(portrait), reader=ReaderWishes(smiling)), ["AU12"], [], console)
    text = stream.getvalue()
    for words in ("as seen", "without AU12", "difference", "happiness", "points"):
        assert words in text
    assert SENTENCE.search(text)
    assert "\t" not in text


def test_what_is_so_already_is_said(change, smiling, portrait):
    words = ["AU4 is not present as it is.", "AU6 is present already."]
    piped = change("--without", "AU4", "--adding", "AU6").stdout.splitlines()
    assert [line.removeprefix("# ") for line in piped[-3:-1]] == words
    record = json.loads(change("--without", "AU4,AU12", "--adding", "AU6", "--json").stdout)
    assert (record["absent"], record["present_already"], record["faces"]) == (["AU04"], ["AU06"], 1)
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100, color_system=None)
    whatif(FaceWishes(str(portrait), reader=ReaderWishes(smiling)), ["AU4"], ["AU6"], console)
    assert all(sentence in stream.getvalue() for sentence in words)


def test_of_several_faces_it_says_which(smiling, tmp_path):
    photo = tmp_path / "two.png"
    Image.fromarray(np.hstack([data.astronaut()] * 2)).save(photo)
    for terminal in (True, False):
        stream = io.StringIO()
        console = Console(file=stream, force_terminal=terminal, width=300, color_system=None)
        whatif(FaceWishes(str(photo), 1, ReaderWishes(smiling)), ["AU12"], [], console)
        assert "two.png, face 1 of 2: happiness" in stream.getvalue()


@pytest.mark.parametrize(
    ("arguments", "without", "adding", "emotion"),
    [
        (("--without", "AU12,AU6"), ["AU12", "AU06"], [], "neutral"),
        (("--without", "AU12", "--without", "6"), ["AU12", "AU06"], [], "neutral"),
        (("--adding", "brow lowerer"), [], ["AU04"], "anger"),
        (("--without", "au_6", "--adding", "AU04"), ["AU06"], ["AU04"], "anger"),
    ],
)
def test_json_holds_the_reading_and_the_change(change, arguments, without, adding, emotion):
    record = json.loads(change(*arguments, "--json").stdout)
    assert (record["without"], record["adding"], record["emotion"]) == (without, adding, emotion)
    assert record["reading"]["emotion"] == "happiness"
    shares, seen = record["emotion_scores"], record["reading"]["emotion_scores"]
    assert record["difference"] == pytest.approx({name: shares[name] - seen[name] for name in shares})
    assert record["sentence"].endswith(".")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "nothing to change"),
        (("--without", " , "), "' , ' is no action unit"),
        (("--without", "smirk harder"), "'smirk harder' is no action unit"),
        (("--adding", "AU99"), "'AU99' is no action unit"),
        (("--without", "AU18"), "this model does not read 'AU18'"),
        (("--without", "AU4", "--adding", "AU4"), "both taken out and put in"),
        (("--without", "AU4", "--face", "7"), "there is 1 face, number 0"),
    ],
)
def test_mistakes_end_with_two_and_a_line_that_helps(change, arguments, named):
    result = change(*arguments)
    assert result.exit_code == 2
    assert named in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(("photo", "named"), [("blank.png", "no face was found"), ("missing.png", "cannot be read")])
def test_a_photo_without_a_face_is_a_mistake(feallm_command, smiling, photos, photo, named):
    result = feallm_command("whatif", photos / photo, "--model", smiling, "--without", "AU4")
    assert result.exit_code == 2
    assert named in result.stderr
