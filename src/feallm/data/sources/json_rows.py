"""Rows of a JSON file, be it one list or one object a line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from feallm.data.records import Problem

AGAIN = "the file was cut short or edited: download it again"


def read_rows(file: Path) -> Iterator[tuple[str, dict[str, Any]] | Problem]:
    """(where, object) of every row in order, a Problem for what is no object or cannot be parsed."""
    with file.open(encoding="utf-8-sig") as stream:
        if _begins_a_list(stream.read(4096)):
            stream.seek(0)
            yield from _listed(file, stream.read())
            return
        stream.seek(0)
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield _row(f"{file}, line {number}", line)


def _begins_a_list(text: str) -> bool:
    return text.lstrip("\ufeff \t\r\n").startswith("[")


def _listed(file: Path, text: str) -> Iterator[tuple[str, dict[str, Any]] | Problem]:
    try:
        rows = json.loads(text.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        yield Problem(str(file), f"no JSON from line {error.lineno} on ({error.msg})", AGAIN)
        return
    for number, row in enumerate(rows):
        where = f"{file}, entry {number}"
        yield (where, row) if isinstance(row, dict) else Problem(where, "expected an object", AGAIN)


def _row(where: str, line: str) -> tuple[str, dict[str, Any]] | Problem:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        return Problem(where, f"no JSON ({error.msg})", AGAIN)
    return (where, row) if isinstance(row, dict) else Problem(where, "expected an object", AGAIN)
