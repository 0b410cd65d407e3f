"""A checkup on a terminal: counts, base rates, and every finding with what to do about it."""

from collections.abc import Iterable, Sequence
from itertools import islice

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from feallm.data.checkup import Checkup, Finding, SplitCheck, UnitRate
from feallm.facs.action_units import ACTION_UNITS
from feallm.facs.emotions import LABEL_SETS

CASES = 5
"""Cases of a finding that are named; --json has all."""


def show(checkup: Checkup, console: Console) -> None:
    """Print a checkup."""
    parts: list[RenderableType] = [_head(checkup), "", _splits(checkup)]
    parts += [part for name in _label_sets(checkup) for part in ("", _classes(checkup, name))]
    if any(check.units for check in checkup.splits.values()):
        parts += ["", _units(checkup)]
    for finding in checkup.findings:
        parts += ["", *_finding(finding)]
    console.print(Padding(Group(*parts, "", _verdict(checkup)), (1, 2, 1, 2)))


def _printable(text: str) -> str:
    """`text` without the control characters by which a file name could command a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _head(checkup: Checkup) -> Text:
    line = Text(checkup.title, "bold")
    line.append(f"  {checkup.layout or 'a layout in pieces'}", "not bold cyan" if checkup.layout else "not bold red")
    line.append(f"\n{_printable(str(checkup.path))}", "not bold dim")
    seen = "every picture" if checkup.looked == checkup.pictures else f"{checkup.looked:,} frames of the videos"
    line.append(f"\n{checkup.pictures:,} faces, {seen} decoded, {checkup.seconds:.0f} s", "not bold dim")
    if checkup.unconfirmed:
        line.append(f"\nNot confirmed by any source: {checkup.unconfirmed}", "not bold yellow")
    return line


def _grid(heads: Sequence[str]) -> Table:
    table = Table(*heads, box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _splits(checkup: Checkup) -> Table:
    heads = ["split", "faces", "published"]
    people = any(check.subjects for check in checkup.splits.values())
    table = _grid([*heads, "people"] if people else heads)
    for split, check in checkup.splits.items():
        style = "" if check.published in (None, check.faces) else "bold red"
        due = "" if check.published is None else f"{check.published:,}"
        cells = [split, f"{check.faces:,}", due, *([f"{check.subjects:,}"] if people else [])]
        table.add_row(*(Text(cell, style) for cell in cells))
    return table


def _label_sets(checkup: Checkup) -> list[str]:
    return list(dict.fromkeys(name for check in checkup.splits.values() for name in check.labels))


def _classes(checkup: Checkup, name: str) -> Table:
    """Shares of the classes among the faces that have a label of the set."""
    table = _grid([name, *checkup.splits])
    named = {label for check in checkup.splits.values() for label in check.labels.get(name, {})}
    for label in [label for label in LABEL_SETS.get(name, sorted(named)) if label in named]:
        table.add_row(label, *(_class_share(check, name, label) for check in checkup.splits.values()))
    without = [check.faces - sum(check.labels.get(name, {}).values()) for check in checkup.splits.values()]
    if any(without):
        table.add_row(Text("no label", "dim"), *(Text(f"{count:,}", "dim") for count in without))
    return table


def _class_share(check: SplitCheck, name: str, label: str) -> str:
    counts = check.labels.get(name, {})
    return f"{counts.get(label, 0):,}  {_percent(counts.get(label, 0), sum(counts.values()))}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:5.1f} %" if whole else "      –"


def _units(checkup: Checkup) -> Table:
    """Base rates: present of known, and of the graded those at 2 or more."""
    table = _grid(["action unit", *(f"{split}: present of known" for split in checkup.splits)])
    names = sorted({unit for check in checkup.splits.values() for unit in check.units})
    for unit in names:
        known = ACTION_UNITS.get(unit)
        rates = (check.units.get(unit, UnitRate()) for check in checkup.splits.values())
        table.add_row(f"{known.short} {known.name}" if known else unit, *(_unit_share(rate) for rate in rates))
    return table


def _unit_share(rate: UnitRate) -> str:
    share = f"{rate.present:,} of {rate.known:,}  {_percent(rate.present, rate.known)}"
    return f"{share}, at 2 or more {_percent(rate.clear, rate.graded)}" if rate.graded else share


def _finding(finding: Finding) -> Iterable[RenderableType]:
    mark, style = ("wrong", "bold red") if finding.wrong else ("note", "yellow")
    yield Text(f"{mark}: ", style).append(_printable(finding.what), "default" if finding.wrong else "not bold default")
    yield Text(f"  {_printable(finding.fix)}")
    yield from (Text(f"    {_printable(case)}", "dim") for case in islice(finding.cases, CASES))
    if len(finding.cases) > CASES:
        yield Text(f"    and {len(finding.cases) - CASES:,} more", "dim")


def _verdict(checkup: Checkup) -> Text:
    if checkup.ok:
        return Text("Nothing here would make a published number wrong.", "bold green")
    count = sum(finding.wrong for finding in checkup.findings)
    return Text(f"{count} thing{'s' * (count > 1)} here would make a published number wrong.", "bold red")
