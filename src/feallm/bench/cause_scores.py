"""Whether what a model claims rests on the part of the face that it is claimed of: intervention tests.

For each face a few action units were chosen before any answer was known. An item's `about` is {"unit", "part"}: part is
"original" (unit ""), "hidden" (the unit's region covered), "control" (as much covered elsewhere), or "mirrored",
"darker", "brighter". A *claim* is a chosen unit that the answer to the original picture names; where a "reason" was
asked for, one that it gives as a cause of its emotion (`facs.causes`).

- claim_withdrawn: share of claims no longer named when their region is hidden. The answer must be there and read: one
  that cannot be read, or none, is no withdrawal.
- claim_kept: share of claims still named when the control region is hidden. What cannot be read is not kept either.
- causal_score: claim_withdrawn + claim_kept - 1. Ideal is 1; a model that ignores the picture, that answers at random,
  or that any covered place disturbs alike, gets 0; below 0 it is moved by the wrong place, or gave no readable answer.
- others_kept: of the other units named in the original whose regions do not overlap the hidden one, the share still
  named when that one is hidden.
- verdict_mirrored, verdict_darker, verdict_brighter: among the faces whose original was given a readable emotion, the
  share given the same in that view (unread: not the same).
- drop, control_drop: how far a claim's probability falls when its region, or the control, is hidden; the mean over
  claims where the model gives probabilities for both pictures.
- claimed: claims as a share of the chosen units. unread: the share of hidden and control views of claims whose answer
  cannot be read. claims: their number.

A metric is undefined where nothing of its kind was asked or given.

What is hidden may still be inferred (a raised cheek from a smile): the score asks what the model sees, not what is so.
Faces (people, where they are known) are resampled, not pictures. Shapes: N items, C columns.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from feallm.bench.outcomes import Outcome
from feallm.bench.ratios import number, ratio
from feallm.bench.resample import intervals
from feallm.bench.tally import Array, Score, Tally
from feallm.faces.regions import AU_REGIONS
from feallm.facs.causes import causes

ORIGINAL, HIDDEN, CONTROL = "original", "hidden", "control"
VIEWS: tuple[str, ...] = ("mirrored", "darker", "brighter")
COLUMNS: tuple[str, ...] = (
    "asked", "claims", "withdrawn", "control_claims", "kept", "unread", "others", "others_kept",
    "drops", "drop", "control_drops", "control_drop",
    *VIEWS, *(f"{view}_same" for view in VIEWS),
)  # fmt: skip
Originals = Mapping[tuple[str, str], Outcome]
"""(face, kind) -> what was answered to the original picture."""


def cause_tally(outcomes: Sequence[Outcome]) -> Tally:
    """What each item adds to `COLUMNS`; originals by themselves add nothing."""
    originals = _originals(outcomes)
    rows = np.zeros((len(outcomes), len(COLUMNS)))
    for row, outcome in zip(rows, outcomes, strict=True):
        for name, value in _added(outcome, originals).items():
            row[COLUMNS.index(name)] = value
    return Tally(rows, finish, tuple(outcome.item.subject or outcome.item.face for outcome in outcomes))


def finish(sums: Array) -> Mapping[str, Array]:
    """Sums [..., C] -> metrics, each [...]."""
    at = {name: sums[..., column] for column, name in enumerate(COLUMNS)}
    withdrawn, kept = ratio(at["withdrawn"], at["claims"]), ratio(at["kept"], at["control_claims"])
    return {
        "causal_score": withdrawn + kept - 1,
        "claim_withdrawn": withdrawn,
        "claim_kept": kept,
        "others_kept": ratio(at["others_kept"], at["others"]),
        **{f"verdict_{view}": ratio(at[f"{view}_same"], at[view]) for view in VIEWS},
        "drop": ratio(at["drop"], at["drops"]),
        "control_drop": ratio(at["control_drop"], at["control_drops"]),
        "claimed": ratio(at["claims"], at["asked"]),
        "unread": ratio(at["unread"], at["claims"] + at["control_claims"]),
        "claims": at["claims"],
    }


def cause_score(outcomes: Sequence[Outcome]) -> Score:
    """Metrics with intervals; tables "units" (a row a chosen unit) and "views" (a row a harmless view)."""
    tally = cause_tally(outcomes)
    originals = _originals(outcomes)
    return Score(
        intervals(tally),
        {"units": _units(tally, outcomes), "views": _views(tally)},
        [_result(outcome, originals) for outcome in outcomes],
    )


def named_units(outcome: Outcome) -> tuple[str, ...] | None:
    """The units an answer names, or a reason gives as causes; None where it cannot be read.

    A reason can be read where it settles on an emotion.
    """
    if outcome.fate != "answered":
        return None
    if outcome.item.kind == "aus":
        return outcome.present
    verdict = outcome.read.emotion if outcome.read is not None else None
    return causes(outcome.text, verdict) if verdict is not None else None


def _originals(outcomes: Iterable[Outcome]) -> dict[tuple[str, str], Outcome]:
    return {
        (outcome.item.face, outcome.item.kind): outcome
        for outcome in outcomes
        if outcome.item.about["part"] == ORIGINAL
    }


def _added(outcome: Outcome, originals: Originals) -> dict[str, float]:
    """What an item adds, by column; columns that are not named get nothing."""
    part, kind = outcome.item.about["part"], outcome.item.kind
    added: dict[str, float] = {"asked": 1} if part == HIDDEN else {}
    original = originals.get((outcome.item.face, kind))
    if original is None or part == ORIGINAL:
        return added
    if part in VIEWS:
        known = original.emotion is not None
        return {part: 1, f"{part}_same": outcome.emotion == original.emotion} if known else {}
    if outcome.item.about["unit"] not in (named_units(original) or ()):
        return added
    return added | _of_claim(outcome, original)


def _of_claim(outcome: Outcome, original: Outcome) -> dict[str, float]:
    """What the hidden or the control view of a claim adds."""
    unit, named = outcome.item.about["unit"], named_units(outcome)
    added: dict[str, float] = {"unread": named is None}
    drop = _drop(unit, original, outcome)
    if outcome.item.about["part"] == CONTROL:
        added |= {"control_claims": 1, "kept": unit in (named or ())}
        return added | ({"control_drops": 1, "control_drop": drop} if drop is not None else {})
    others = apart(unit, named_units(original) or ())
    added |= {"claims": 1, "withdrawn": named is not None and unit not in named}
    added |= {"others": len(others), "others_kept": len(set(others) & set(named or ()))}
    return added | ({"drops": 1, "drop": drop} if drop is not None else {})


def apart(unit: str, units: Collection[str]) -> list[str]:
    """Those of the units whose regions are known and do not overlap the region of `unit`."""
    boxes = AU_REGIONS[unit]
    return [
        other
        for other in units
        if other in AU_REGIONS and not any(_overlap(a, b) for a in boxes for b in AU_REGIONS[other])
    ]


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _drop(unit: str, before: Outcome, after: Outcome) -> float | None:
    first = before.response.presence if before.response is not None else None
    second = after.response.presence if after.response is not None else None
    if first is None or second is None or unit not in first or unit not in second:
        return None
    return first[unit] - second[unit]


def _units(tally: Tally, outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    chosen = [outcome.item.about["unit"] for outcome in outcomes]
    rows: list[dict[str, object]] = []
    for unit in sorted({unit for unit in chosen if unit}):
        sums = tally.rows[[one == unit for one in chosen]].sum(0)
        found = finish(sums)
        shares = ("causal_score", "claim_withdrawn", "claim_kept", "drop", "control_drop")
        counts = {name: int(sums[COLUMNS.index(name)]) for name in ("asked", "claims")}
        rows.append({"unit": unit, **counts, **{name: number(float(found[name])) for name in shares}})
    return rows


def _views(tally: Tally) -> list[dict[str, object]]:
    sums = tally.rows.sum(0)
    found = finish(sums)
    return [
        {"view": view, "n": int(sums[COLUMNS.index(view)]), "kept": number(float(found[f"verdict_{view}"]))}
        for view in VIEWS
    ]


def _result(outcome: Outcome, originals: Originals) -> dict[str, object]:
    """`right`: what should follow did (withdrawn, kept, the same verdict); None where nothing was to follow."""
    added = _added(outcome, originals)
    follows = ("withdrawn", "kept", *(f"{view}_same" for view in VIEWS))
    counted = [name for name in follows if name in added]
    named = named_units(outcome) if outcome.item.kind != "emotion" else None
    return {
        "sample": outcome.item.sample,
        "unit": outcome.item.about["unit"],
        "part": outcome.item.about["part"],
        "fate": outcome.fate,
        "answer": outcome.emotion if outcome.item.kind == "emotion" else None if named is None else " ".join(named),
        "right": bool(added[counted[0]]) if counted else None,
    }
