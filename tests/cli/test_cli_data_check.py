"""`feallm data check`: what it prints, and how it ends."""

import json
from dataclasses import replace

import pytest

from feallm.data.sources import SOURCES
from tests.data.test_doctor import CODES, put, shot, write_rafdb


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A whole RAF-DB in miniature."""
    monkeypatch.setitem(SOURCES, "rafdb", replace(SOURCES["rafdb"], counts={"train": 8, "test": 4}))
    write_rafdb(tmp_path / "set", CODES)
    return tmp_path / "set"


def test_a_whole_copy_ends_with_zero(feallm_command, copy):
    result = feallm_command("data", "check", "rafdb", copy)
    assert result.exit_code == 0
    assert "RAF-DB, basic emotions  aligned" in result.stdout
    assert "every picture decoded" in result.stdout
    assert "4  100.0 %" in result.stdout
    assert "Nothing here would make a published number wrong." in result.stdout


def test_what_is_wrong_ends_with_one_and_lists_a_few(feallm_command, copy):
    for name in list(CODES)[:7]:
        (copy / f"Image/aligned/{name}_aligned.jpg").unlink()
    put(copy, "test_0001", shot(7))  # again train_00008
    result = feallm_command("data", "check", "rafdb", copy)
    assert result.exit_code == 1
    words = " ".join(result.stdout.split())
    assert "wrong: 7 of 12 pictures are missing" in words
    assert "and 2 more" in words
    assert "wrong: 1 of 4 pictures of test repeat one of train, 1 exactly" in words
    assert "2 things here would make a published number wrong." in words


def test_json_holds_every_case_and_nothing_else_is_printed(feallm_command, copy):
    for name in list(CODES)[:7]:
        (copy / f"Image/aligned/{name}_aligned.jpg").unlink()
    result = feallm_command("data", "check", "rafdb", copy, "--split", "train", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["ok"], found["layout"], list(found["splits"])) == (False, "aligned", ["train"])
    assert found["splits"]["train"]["published"] == 8
    (missing,) = found["findings"]
    assert (missing["kind"], missing["count"], len(missing["cases"])) == ("missing", 7, 7)


@pytest.mark.parametrize(
    ("source", "inside", "options", "named"),
    [
        ("rafbd", "", (), "unknown source 'rafbd'"),
        ("rafdb", "", ("--split", "val"), "splits train, test, not 'val'"),
        ("rafdb", "nowhere", (), "nothing at"),
        ("rafdb", "Image/aligned", (), "expected EmoLabel/list_patition_label.txt"),
        ("bp4d", "", (), "it looks like RAF-DB, basic emotions (aligned); try `feallm data check rafdb"),
    ],
)
def test_a_wrong_command_ends_with_two(feallm_command, copy, source, inside, options, named):
    result = feallm_command("data", "check", source, copy / inside, *options)
    assert result.exit_code == 2
    assert named in result.stderr
    assert result.stdout == ""


def test_names_of_files_cannot_command_the_terminal(feallm_command, copy):
    listing = copy / "EmoLabel/list_patition_label.txt"
    listing.write_text(listing.read_text().replace("train_00001.jpg", "train_\x1b[31m.jpg"))
    result = feallm_command("data", "check", "rafdb", copy)
    assert result.exit_code == 1
    assert "\x1b" not in result.stdout
