"""Scores of texts about a face: what they recognise, how near a reference they are, and whether the labels bear them.

Everything is read from the text by `facs.answers`, and an item without a text (unparsed, refused, no face …) stays in:
it has named no label, no unit and no cause, and its ROUGE is 0.

- `s_re`, `s_ge`, `rege`: REGE in percent points, the strict form. S_re is the share of texts that settle on the
  labelled emotion or, where units are asked for, the mean F1 over `rege.UNITS`; S_ge the mean ROUGE-L F (`rouge-score`,
  not stemmed) over items with a reference. The published form (`rege_compat` …) is `rege.published_rege`.
- `label_accuracy`: texts that settle on the labelled emotion, of the items that have one.
- `claim_precision`, `claim_recall`, `claim_f1`: the units that texts assert, all units pooled, against each coding pass
  and averaged over passes. A unit that a pass did not judge counts nowhere in it.
- `contradiction_rate`: texts that assert a unit every pass that judged it calls absent, deny one every such pass calls
  present ("no action units" denies all), deny the labelled emotion or settle on another; of the texts about faces with
  any label. `unit_contradiction_rate`: by units alone, of the texts about faces with codes.
- `own_label_agreement`: texts that settle on the emotion the model itself gave beside them (its label, or the top of
  its scores), of the items where it gave one.
- `mean_words` of the texts. `distinct_texts`: different texts among them, without an interval.

For reasons also, of the items whose text does not settle on neutral (which nothing in a face needs to cause):
- `causes_named`: texts that name at least one unit as a cause of their emotion (`facs.causes`).
- `cause_support`: of the causes named, those that belong to the emotion by the prototypes (`facs.prototypes`).
- `cause_precision`: of the causes named and judged, those that the codes have (the mean over passes).
- `sound_rate`, of the items with a labelled emotion: texts that settle on it, contradict no unit, and name a cause
  or are about neutral.

Shapes: N items, C columns, P passes, U units; the last axis of cells is TP, FP, FN, TN (`unit_scores`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np

from feallm.bench.outcomes import Outcome
from feallm.bench.ratios import known_mean, ratio, subjects
from feallm.bench.rege import UNITS
from feallm.bench.resample import intervals
from feallm.bench.rouge import rouge_l
from feallm.bench.tally import Array, Metric, Score, Tally
from feallm.bench.text_facts import Facts, facts_of
from feallm.bench.text_tables import class_table, published, results_of
from feallm.bench.unit_scores import FN, FP, TP, f1_of, marks
from feallm.bench.unit_tables import unit_table
from feallm.facs.action_units import CODED_AUS

About = Literal["emotion", "aus", "reason"]
POSITIVE = 0.5
"""The strength from which a unit is there: any that was seen."""
PERCENT_POINTS = frozenset({"rege", "s_re", "s_ge", "rege_compat", "s_re_compat", "s_ge_compat"})
"""Metrics that are not shares of 1."""
COLUMNS = (
    "items", "labelled", "right", "referenced", "rouge", "texts", "words", "labels", "contradicts", "coded",
    "contradicts_units", "own", "own_agrees", "reasoned", "with_causes", "causes", "supporting", "judged", "borne",
    "sound",
)  # fmt: skip
_UNIT_PLACES = [CODED_AUS.index(unit) for unit in UNITS]
_ABOUT: dict[About, tuple[str, ...]] = {
    "emotion": ("label_accuracy", "own_label_agreement"),
    "aus": (),
    "reason": (
        "label_accuracy", "own_label_agreement", "causes_named", "cause_support", "cause_precision", "sound_rate",
    ),
}  # fmt: skip
"""The metrics that only texts about this have."""
_OF_ALL = (
    "rege", "s_re", "s_ge", "claim_f1", "claim_precision", "claim_recall", "contradiction_rate",
    "unit_contradiction_rate", "mean_words", "answered",
)  # fmt: skip


def text_tally(outcomes: Sequence[Outcome], about: About, headline: str) -> Tally:
    """The metrics of texts that are sums over items, `headline` first. `about`: what the texts were asked for."""
    return _tally(outcomes, [facts_of(outcome, POSITIVE) for outcome in outcomes], _rouge(outcomes), about, headline)


def text_score(outcomes: Sequence[Outcome], about: About, headline: str, as_published: bool = False) -> Score:
    """The metrics of `text_tally` with intervals, and `distinct_texts`.

    `as_published` adds the published scorer's REGE (`rege_compat`, `s_re_compat`, `s_ge_compat`, None where that scorer
    stops with an error, and `compat_failures`, the number of texts it stops at): for the data set it was made for.
    Tables: "units", "classes" (of emotions), "rege" (both scorers side by side). A result an item.
    """
    facts, rouge = [facts_of(outcome, POSITIVE) for outcome in outcomes], _rouge(outcomes)
    tally = _tally(outcomes, facts, rouge, about, headline)
    metrics = intervals(tally)
    metrics["distinct_texts"] = Metric(_distinct(outcomes))
    strict = {"scorer": "strict", "n": len(outcomes)} | {name: metrics[name].value for name in ("s_re", "s_ge", "rege")}
    tables: dict[str, list[dict[str, object]]] = {"rege": [strict]}
    if as_published:
        found, rows = published(outcomes, "aus" if about == "aus" else "emotion", POSITIVE)
        metrics |= found
        tables["rege"] += rows
    cells = _cells(outcomes, facts)
    if cells.shape[1]:
        sums = cells.sum(axis=0)
        tables["units"] = unit_table(CODED_AUS, sums, f1_of(sums), None)
    if about != "aus":
        tables["classes"] = class_table(facts)
    return Score(metrics, tables, results_of(outcomes, facts, rouge))


def _tally(
    outcomes: Sequence[Outcome], facts: Sequence[Facts], rouge: Sequence[float | None], about: About, headline: str
) -> Tally:
    numbers = np.array([_numbers(each, value) for each, value in zip(facts, rouge, strict=True)], np.float64).reshape(
        len(facts), len(COLUMNS)
    )
    cells = _cells(outcomes, facts)
    rows = np.concatenate([numbers, cells.reshape(len(facts), cells[0].size if len(facts) else 0)], axis=1)
    names = tuple(dict.fromkeys((headline, *_OF_ALL[:3], *_ABOUT[about], *_OF_ALL[3:])))
    return Tally(rows, partial(_finish, passes=cells.shape[1], about=about, names=names), subjects(outcomes))


def _numbers(facts: Facts, rouge: float | None) -> list[float]:
    """What an item adds to COLUMNS."""
    labelled, text = facts.label is not None, facts.text
    reasoned = facts.verdict != "neutral"
    added = {
        "items": 1, "labelled": labelled, "right": facts.right, "referenced": rouge is not None, "rouge": rouge or 0.0,
        "texts": bool(text), "words": len(text.split()), "labels": bool(text) and (labelled or facts.coded),
        "contradicts": facts.contradicts_emotion or bool(facts.contradicted), "coded": bool(text) and facts.coded,
        "contradicts_units": bool(facts.contradicted), "own": facts.own is not None,
        "own_agrees": facts.own is not None and facts.verdict == facts.own, "reasoned": reasoned,
        "with_causes": reasoned and bool(facts.causes), "causes": reasoned * len(facts.causes),
        "supporting": reasoned * len(facts.supporting), "judged": reasoned * len(facts.borne),
        "borne": reasoned * sum(facts.borne.values()), "sound": facts.sound,
    }  # fmt: skip
    return [float(added[name]) for name in COLUMNS]


def _cells(outcomes: Sequence[Outcome], facts: Sequence[Facts]) -> Array:
    """[N, P, U, 4] of the coded units; all 0 for an item without codes."""
    coded = [place for place, outcome in enumerate(outcomes) if outcome.item.truth.units]
    if not coded:
        return np.zeros((len(outcomes), 0, len(CODED_AUS), 4))
    claims = [replace(outcomes[place], present=facts[place].asserted) for place in coded]
    marked = marks(claims, CODED_AUS, POSITIVE)
    cells = np.zeros((len(outcomes), *marked.shape[1:], 4))
    cells[coded] = marked[..., None] == np.arange(4)
    return cells


def _finish(sums: Array, passes: int, about: About, names: tuple[str, ...]) -> Mapping[str, Array]:
    col = {name: sums[..., place] for place, name in enumerate(COLUMNS)}
    cells = sums[..., len(COLUMNS) :].reshape(*sums.shape[:-1], passes, len(CODED_AUS), 4)
    pooled = cells.sum(axis=-2)  # [..., P, 4]
    hits = pooled[..., TP]
    accuracy = ratio(col["right"], col["labelled"])
    f1 = known_mean(f1_of(cells[..., _UNIT_PLACES, :]), axis=-2)  # over passes: [..., U]
    recognised = 100 * (known_mean(f1) if about == "aus" else accuracy)
    generated = 100 * ratio(col["rouge"], col["referenced"])
    found = {
        "rege": recognised + generated,
        "s_re": recognised,
        "s_ge": generated,
        "label_accuracy": accuracy,
        "own_label_agreement": ratio(col["own_agrees"], col["own"]),
        "causes_named": ratio(col["with_causes"], col["reasoned"]),
        "cause_support": ratio(col["supporting"], col["causes"]),
        "cause_precision": ratio(col["borne"], col["judged"]),
        "sound_rate": ratio(col["sound"], col["labelled"]),
        "claim_f1": known_mean(f1_of(pooled)),
        "claim_precision": known_mean(ratio(hits, hits + pooled[..., FP])),
        "claim_recall": known_mean(ratio(hits, hits + pooled[..., FN])),
        "contradiction_rate": ratio(col["contradicts"], col["labels"]),
        "unit_contradiction_rate": ratio(col["contradicts_units"], col["coded"]),
        "mean_words": ratio(col["words"], col["texts"]),
        "answered": ratio(col["texts"], col["items"]),
    }
    return {name: found[name] for name in names}


def _rouge(outcomes: Sequence[Outcome]) -> list[float | None]:
    """ROUGE-L F of each item, None without a reference."""
    return [
        None
        if outcome.item.truth.reference is None
        else rouge_l(outcome.item.truth.reference, outcome.text if outcome.fate == "answered" else "")
        for outcome in outcomes
    ]


def _distinct(outcomes: Sequence[Outcome]) -> float | None:
    texts = [outcome.text.strip() for outcome in outcomes if outcome.fate == "answered"]
    return len(set(texts)) / len(texts) if texts else None
