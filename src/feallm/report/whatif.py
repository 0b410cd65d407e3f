"""The `whatif` verb: the emotions of one face as seen, beside those without or with other action units."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from feallm.analyze import WhatIf
from feallm.analyze.effects import parse_change, what_ifs, without_effect
from feallm.analyze.statements import tell_change, tell_what_if
from feallm.facs import ACTION_UNITS
from feallm.report.talk import FaceWishes, headline
from feallm.report.wishes import WishError
from feallm.report.words import percent


def whatif(
    wishes: FaceWishes, without: Sequence[str], adding: Sequence[str], out: Console, *, as_json: bool = False
) -> None:
    """Print which face it is, what a change of the evidence does to its emotions, and what of the change is so already.

    `without` and `adding` are units in any usual form, several in one text where commas part them.
    Raises WishError where nothing is to be changed, a unit is unknown, or the photo has no such face.
    """
    if not without and not adding:
        raise WishError("nothing to change: name action units with --without or --adding, such as --without AU4")
    analyzer = wishes.reader.analyzer()
    try:
        change = parse_change(without, adding, analyzer.engine.info.action_units)
        look = analyzer.look(wishes.photo, wishes.face)
    except ValueError as error:
        raise WishError(str(error)) from error
    (found,) = what_ifs(analyzer.engine, look.encoded, look.reading, [change])
    which, told = headline(look.reading, look.faces), [*_already(found), tell_what_if(found)]
    if as_json:
        absent, present = without_effect(found)
        more = {"faces": look.faces, "absent": absent, "present_already": present, "sentence": told[-1]}
        out.file.write(json.dumps(found.to_dict() | more, allow_nan=False) + "\n")
    elif out.is_terminal:
        out.print(Text(which, "bold"), soft_wrap=True)
        out.print(_table(found))
        for sentence in told:
            out.print(Text(sentence))
    else:
        lines = ["\t".join(row) for row in _rows(found)] + [f"# {line}" for line in (which, *told)]
        out.file.write("\n".join([*lines, ""]))


def _already(found: WhatIf) -> list[str]:
    """A sentence for each unit that is already as the change would have it."""
    absent, present = without_effect(found)
    return [
        *(f"{ACTION_UNITS[unit].short} is not present as it is." for unit in absent),
        *(f"{ACTION_UNITS[unit].short} is present already." for unit in present),
    ]


def _heads(found: WhatIf) -> tuple[str, str, str, str]:
    return "emotion", "as seen", tell_change(found.without, found.adding), "difference"


def _rows(found: WhatIf) -> list[tuple[str, ...]]:
    """A heading and a row an emotion, for programs: shares of 0..1, six decimals."""
    seen, after, difference = found.reading.emotion_scores, found.emotion_scores, found.difference
    numbers = [(name, f"{seen[name]:.6f}", f"{after[name]:.6f}", f"{difference[name]:+.6f}") for name in seen]
    return [_heads(found), *numbers]


def _table(found: WhatIf) -> Table:
    table = Table(*_heads(found), box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in table.columns[1:]:
        column.justify = "right"
    for name, seen in found.reading.emotion_scores.items():
        after = found.emotion_scores[name]
        style = "bold" if name == found.emotion else ""
        cells = (percent(seen), percent(after), f"{100 * found.difference[name]:+.1f} points")
        table.add_row(Text(name, style), *(Text(cell, style) for cell in cells))
    return table
