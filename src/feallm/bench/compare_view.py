"""A comparison on a terminal: every metric with its difference, the test, and what only one model has right."""

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from feallm.bench.compare import Comparison, Disagreement, Side
from feallm.bench.report.metrics import name_of_metric, written
from feallm.bench.resample import Difference

CASES = 5
"""Disagreements that are shown in each direction; `Comparison.to_dict` has all."""
SURE = 0.05


def show(comparison: Comparison, console: Console) -> None:
    """Print a comparison."""
    parts: list[RenderableType] = [_head(comparison), "", _metrics(comparison)]
    if comparison.mcnemar is not None:
        parts += ["", _test(comparison)]
    for name, cases in (("A", comparison.a_better), ("B", comparison.b_better)):
        if cases:
            count = f"{len(cases):,} item{'s' * (len(cases) != 1)}"
            parts += ["", Text(f"{name} is more right on {count}", "bold"), _cases(cases)]
    parts += [Text(f"note: {note}", "yellow") for note in comparison.notes]
    console.print(Padding(Group(*parts), (1, 2, 1, 2)))


def _head(comparison: Comparison) -> Text:
    line = Text(comparison.title, "bold")
    line.append(f"  {comparison.items:,} items", "not bold")
    for name, side in (("A", comparison.a), ("B", comparison.b)):
        line.append(f"\n{name}  {_printable(_model(side))}", "not bold")
        line.append(f"  {_printable(side.folder)}", "not bold dim")
    return line


def _model(side: Side) -> str:
    return f"{side.model} ({side.revision})" if side.revision else side.model


def _metrics(comparison: Comparison) -> Table:
    table = _grid(["", "A", "B", "A - B", "95 %", "p"])
    for name, one in comparison.metrics.items():
        clear = one.p is not None and one.p < SURE
        table.add_row(
            name_of_metric(name),
            written(name, one.a),
            written(name, one.b),
            Text(_signed(name, one.difference), "bold" if clear else "dim"),
            Text(f"[{_signed(name, one.low)}, {_signed(name, one.high)}]" if one.low is not None else ""),
            _p(one),
        )
    return table


def _test(comparison: Comparison) -> Text:
    test = comparison.mcnemar
    if test is None:
        return Text("")
    return Text(
        f"right: both {test.both:,}, only A {test.only_a:,}, only B {test.only_b:,}, neither {test.neither:,}; "
        f"McNemar p = {test.p:.3g} ({test.method})"
    )


def _cases(cases: Sequence[Disagreement]) -> Table:
    table = Table("item", "truth", "A", "B", box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    table.columns[0].overflow = "fold"  # an id that is cut short names nothing
    for case in cases[:CASES]:
        table.add_row(*(Text(_printable(cell)) for cell in (case.sample, case.truth, case.answer_a, case.answer_b)))
    return table


def _grid(heads: Sequence[str]) -> Table:
    table = Table(*heads, box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _signed(name: str, value: float | None) -> str:
    text = written(name, value)
    return f"+{text}" if value is not None and value > 0 else text


def _p(one: Difference) -> str:
    return "" if one.p is None else f"{one.p:.3f}"


def _printable(text: str) -> str:
    """`text` without the control characters by which an answer could command a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
