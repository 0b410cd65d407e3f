"""The answer reader against tables of sentences: what is asserted, denied, left open, and the verdict."""

import csv
from pathlib import Path

import pytest

from feallm.facs import ACTION_UNITS, EMOTIONS, read_answer
from feallm.facs.answers import Answer

CASES = Path(__file__).parent / "cases"


def _rows() -> list[tuple[str, dict[str, str]]]:
    rows = []
    for table in sorted(CASES.glob("*.tsv")):
        with table.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
            rows += [(f"{table.stem}:{line}", row) for line, row in enumerate(reader, start=2)]
    return rows


ROWS = _rows()


def _values(cell: str) -> set[str]:
    return {f"AU{int(word):02d}" if word.isdigit() else word for word in cell.split()}


def _found(answer: Answer) -> dict[str, set[str]]:
    return {
        "asserted": {*answer.emotions, *answer.aus},
        "denied": {*answer.denied_emotions, *answer.denied_aus},
        "uncertain": {*answer.uncertain_emotions, *answer.uncertain_aus},
    }


def test_the_tables_are_read_and_well_formed() -> None:
    assert len(ROWS) >= 180
    known = set(EMOTIONS) | set(ACTION_UNITS)
    for name, row in ROWS:
        for column in ("asserted", "denied", "uncertain"):
            assert _values(row[column]) <= known, name


@pytest.mark.parametrize("row", [row for _, row in ROWS], ids=[name for name, _ in ROWS])
def test_sentence_is_read_as_the_table_says(row: dict[str, str]) -> None:
    answer = read_answer(row["text"])
    expected = {column: _values(row[column]) for column in ("asserted", "denied", "uncertain")}
    assert _found(answer) == expected
    assert answer.emotion == (row["emotion"] or None)
