"""What a report shows of texts: the published scorer beside the strict one, emotions by class, and a result an item."""

from collections.abc import Sequence

from feallm.bench.outcomes import Outcome
from feallm.bench.rege import Rege, Told, published_rege
from feallm.bench.tally import Metric
from feallm.bench.text_facts import Facts
from feallm.facs.emotions import EMOTIONS

Row = dict[str, object]


def published(outcomes: Sequence[Outcome], about: str, positive: float) -> tuple[dict[str, Metric], list[Row]]:
    """The published scorer's metrics, and its rows of the table "rege".

    The second row, there where the scorer stops with an error, leaves out the texts it stops at: what it would print
    if somebody took them away by hand, and no fair number. Items without a reference, which FABA-Instruct has none of,
    are left out.
    """
    told = [_told(outcome, positive) for outcome in outcomes if outcome.item.truth.reference is not None]
    found = published_rege(told, about)
    metrics = {
        "rege_compat": Metric(found.total),
        "s_re_compat": Metric(found.recognition),
        "s_ge_compat": Metric(found.generation),
        "compat_failures": Metric(float(len(found.fails_on))),
    }
    rows = [_rege_row("published", found, len(told))]
    if found.fails_on:
        rest = [each for place, each in enumerate(told) if place not in set(found.fails_on)]
        rows.append(_rege_row("published, without the texts it stops at", published_rege(rest, about), len(rest)))
    return metrics, rows


def _told(outcome: Outcome, positive: float) -> Told:
    truth = outcome.item.truth
    units = truth.units[0] if truth.units else {}
    present = frozenset(unit for unit, strength in units.items() if strength >= positive)
    return Told(outcome.text, truth.reference or "", truth.emotion, present)


def _rege_row(scorer: str, found: Rege, n: int) -> Row:
    return {
        "scorer": scorer,
        "n": n,
        "s_re": found.recognition,
        "s_ge": found.generation,
        "rege": found.total,
        "stops_at": len(found.fails_on),
        "rouge_skipped": found.rouge_skipped,
        "units_left_out": " ".join(found.units_left_out),
    }


def class_table(facts: Sequence[Facts]) -> list[Row]:
    """A row an emotion that is a label: class, n, right, recall."""
    rows: list[Row] = []
    for emotion in EMOTIONS:
        of_class = [each for each in facts if each.label == emotion]
        if of_class:
            right = sum(each.right for each in of_class)
            rows.append({"class": emotion, "n": len(of_class), "right": right, "recall": right / len(of_class)})
    return rows


def results_of(
    outcomes: Sequence[Outcome], facts: Sequence[Facts], rouge: Sequence[float | None]
) -> list[dict[str, object]]:
    """A row an item: what was read from its text, and what of it the labels do not bear."""
    return [
        {
            "sample": outcome.item.sample,
            "fate": outcome.fate,
            "label": each.label,
            "emotion": each.verdict,
            "right": each.right if each.label is not None and outcome.item.kind != "describe_aus" else None,
            "asserted": list(each.asserted),
            "contradicted": list(each.contradicted),
            "contradicts_emotion": each.contradicts_emotion,
            "causes": list(each.causes),
            "sound": each.sound,
            "rouge_l": value,
            "words": len(each.text.split()),
        }
        for outcome, each, value in zip(outcomes, facts, rouge, strict=True)
    ]
