"""A comparison as tables of text: the same cells on a terminal and on a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from feallm.bench.report.table import ABSENT, Table
from feallm.compare.comparison import Comparison
from feallm.compare.emotions import Emotions
from feallm.compare.units import Strength, Units
from feallm.compare.value import Value
from feallm.facs.action_units import ACTION_UNITS

SCALES = {
    "intensity": "intensity, 0-5",
    "probability": "probability, 0-1",
    "intensity and probability": "intensity against probability",
}
CONFUSION = "Faces by what A names (rows) and what B names (columns)"


def written(value: float | None, digits: int = 2) -> str:
    """ "0.61"; a dash where there is none."""
    return ABSENT if value is None else f"{value:.{digits}f}"


def with_interval(value: Value) -> str:
    """ "0.61 [0.55, 0.66]"; without the brackets where there is no interval."""
    if value.value is None or value.low is None or value.high is None:
        return written(value.value)
    return f"{written(value.value)} [{written(value.low)}, {written(value.high)}]"


def matching_table(comparison: Comparison) -> Table:
    """What was paired, and why the rest was not."""
    found = comparison.matching
    rows = [
        ("faces", f"{found.faces_a:,}", f"{found.faces_b:,}"),
        ("matched", f"{len(found.pairs):,}", f"{len(found.pairs):,}"),
    ]
    if len(found.how) > 1:
        rows += [(f"  by {_how(how)}", f"{count:,}", f"{count:,}") for how, count in found.how.items()]
    reasons = dict.fromkeys((*found.unmatched_a, *found.unmatched_b))
    rows += [
        (f"not: {reason}", f"{found.unmatched_a.get(reason, 0):,}", f"{found.unmatched_b.get(reason, 0):,}")
        for reason in reasons
    ]
    if found.both_none:
        rows.append(("pictures or frames without a face in either", f"{found.both_none:,}", f"{found.both_none:,}"))
    return Table("Faces of both tables", ("", "A", "B"), tuple(rows))


def _how(how: str) -> str:
    return {"box": "overlapping boxes", "only": "being the only face", "number": "number", "largest": "size"}[how]


def presence_table(units: Units) -> Table | None:
    """Presence of each unit; None where no unit has any."""
    held = [(unit.unit, unit.presence) for unit in units.units if unit.presence is not None]
    if not held:
        return None
    rows = [
        (
            name_of(unit),
            f"{one.n:,}",
            *map(_percent, (one.rate_a, one.rate_b)),
            *map(with_interval, (one.f1, one.kappa)),
            _percent(one.agreement.value),
        )
        for unit, one in held
    ]
    if len(rows) > 1:
        means = [units.means[f"mean_{name}"] for name in ("f1", "kappa", "agreement")]
        rows.append(("mean over units", "", "", "", *map(with_interval, means[:2]), _percent(means[2].value)))
    heads = ("unit", "faces", "in A", "in B", "F1", "Cohen's kappa", "same")
    reasons = [(unit, value) for unit, one in held for value in (one.f1, one.kappa)]
    return Table("Presence of action units", heads, tuple(rows), notes=_reasons(reasons))


def strength_tables(units: Units) -> list[Table]:
    """Strength of each unit, a table a scale."""
    found = []
    for scale, words in SCALES.items():
        held = [(unit.unit, one) for unit in units.units for one in unit.strengths if one.scale == scale]
        if held:
            found.append(_strength_table(words, held))
    return found


def _strength_table(words: str, held: Sequence[tuple[str, Strength]]) -> Table:
    caption = f"Strength of action units: {words}"
    if held[0][1].scale == "intensity and probability":
        short = tuple((_short(unit), f"{one.n:,}", with_interval(one.pearson)) for unit, one in held)
        return Table(
            caption,
            ("unit", "faces", "Pearson's r"),
            short,
            notes=_reasons([(unit, one.pearson) for unit, one in held]),
        )
    rows = tuple(
        (
            _short(unit),
            f"{one.n:,}",
            *map(written, (one.mean_a, one.mean_b)),
            *map(with_interval, (one.icc_3_1, one.icc_2_1, one.pearson)),
            written(one.bias.value),
            _limits(one),
        )
        for unit, one in held
    )
    heads = ("unit", "faces", "mean A", "mean B", "ICC(3,1)", "ICC(2,1)", "r", "A - B", "95 % of it")
    values = [(unit, value) for unit, one in held for value in (one.icc_3_1, one.icc_2_1, one.pearson)]
    return Table(caption, heads, rows, notes=_reasons(values))


def emotion_tables(emotions: Emotions) -> list[Table]:
    """All emotions together, then each against the others."""
    overall = (
        ("same emotion named", f"{emotions.agreement.n:,}", with_interval(emotions.agreement)),
        ("Cohen's kappa", f"{emotions.kappa.n:,}", with_interval(emotions.kappa)),
        (
            "Jensen-Shannon divergence, bits ↓",
            f"{emotions.jensen_shannon.n:,}",
            with_interval(emotions.jensen_shannon),
        ),
    )
    values = (emotions.agreement, emotions.kappa, emotions.jensen_shannon)
    heads = ("", "faces", "A with B")
    found = [
        Table("Emotions", heads, overall, notes=_reasons(zip(("same", "kappa", "divergence"), values, strict=True)))
    ]
    rows = tuple(
        (one.emotion, f"{one.n_a:,}", f"{one.n_b:,}", *map(with_interval, (one.f1, one.kappa, one.pearson)))
        for one in emotions.emotions
    )
    reasons = [(one.emotion, value) for one in emotions.emotions for value in (one.f1, one.kappa, one.pearson)]
    each = ("emotion", "A names", "B names", "F1", "Cohen's kappa", "r of the shares")
    return [*found, Table("Each emotion against all others", each, rows, notes=_reasons(reasons))]


def confusion_table(emotions: Emotions) -> Table:
    """Counts: a row for each emotion that A names, a column for each that B does."""
    names = tuple(str(line["a"]) for line in emotions.confusion)
    rows = tuple((str(line["a"]), *(f"{line[name]:,}" for name in names)) for line in emotions.confusion)
    return Table(CONFUSION, ("", *names), rows)


def name_of(unit: str) -> str:
    known = ACTION_UNITS.get(unit)
    return f"{known.short} {known.name}" if known else unit


def _percent(share: float | None) -> str:
    return ABSENT if share is None else f"{100 * share:.0f} %"


def _limits(one: Strength) -> str:
    return ABSENT if one.low is None else f"{written(one.low)} … {written(one.high)}"


def _reasons(values: Iterable[tuple[str, Value]]) -> tuple[str, ...]:
    """Each reason once, with what it is about: "neither ever finds it: AU9, AU15"."""
    found: dict[str, dict[str, None]] = {}
    every: dict[str, None] = {}
    for name, value in values:
        every[name] = None
        if value.reason is not None:
            found.setdefault(value.reason, {})[_short(name)] = None
    return tuple(
        f"{ABSENT} {reason}: {'all' if len(names) == len(every) > 1 else ', '.join(names)}"
        for reason, names in found.items()
    )


def _short(unit: str) -> str:
    return ACTION_UNITS[unit].short if unit in ACTION_UNITS else unit
