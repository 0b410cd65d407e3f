"""What the metrics are called and how they are written; shares of 1 are shown in percent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from feallm.bench.report.table import ABSENT
from feallm.facs.action_units import ACTION_UNITS

Form = Literal["percent", "number", "points", "count"]


class Measured(Protocol):
    """A value with its 95 % interval, None where it is not defined."""

    @property
    def value(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


METRICS: dict[str, tuple[str, Form]] = {
    "accuracy": ("accuracy", "percent"),
    "macro_f1": ("macro F1", "percent"),
    "uar": ("mean recall", "percent"),
    "ece": ("calibration error", "percent"),
    "answered": ("answered", "percent"),
    "mean_f1": ("mean F1", "percent"),
    "micro_f1": ("micro F1", "percent"),
    "mean_icc": ("mean ICC(3,1)", "number"),
    "mean_mae": ("mean MAE (0-5)", "number"),
    "n": ("faces", "count"),
    "recall": ("recall", "percent"),
    "f1": ("F1", "percent"),
    "icc": ("ICC(3,1)", "number"),
    "mae": ("MAE (0-5)", "number"),
    "base_rate": ("base rate", "percent"),
    "agreement": ("coders among themselves", "percent"),
    "mean_accuracy": ("mean accuracy", "percent"),
    "relative_accuracy": ("accuracy kept", "percent"),
    "clean_accuracy": ("clean accuracy", "percent"),
    "consistency": ("same answer", "percent"),
    "causal_score": ("causal score", "number"),
    "claim_withdrawn": ("claim withdrawn", "percent"),
    "claim_kept": ("claim kept", "percent"),
    "others_kept": ("others kept", "percent"),
    "claimed": ("claimed", "percent"),
    "unread": ("unread", "percent"),
    "claims": ("claims", "count"),
    "verdict_mirrored": ("same when mirrored", "percent"),
    "verdict_darker": ("same when darker", "percent"),
    "verdict_brighter": ("same when brighter", "percent"),
    "rege": ("REGE", "points"),
    "s_re": ("S_re", "points"),
    "s_ge": ("S_ge", "points"),
    "rege_compat": ("REGE as published", "points"),
    "s_re_compat": ("S_re as published", "points"),
    "s_ge_compat": ("S_ge as published", "points"),
    "compat_failures": ("texts that the published scorer stops at", "count"),
    "label_accuracy": ("label right", "percent"),
    "own_label_agreement": ("agrees with own label", "percent"),
    "claim_f1": ("claim F1", "percent"),
    "claim_precision": ("claim precision", "percent"),
    "claim_recall": ("claim recall", "percent"),
    "contradiction_rate": ("contradicts labels", "percent"),
    "unit_contradiction_rate": ("contradicts units", "percent"),
    "causes_named": ("causes named", "percent"),
    "cause_support": ("causes supported", "percent"),
    "cause_precision": ("cause precision", "percent"),
    "sound_rate": ("sound", "percent"),
    "mean_words": ("words", "points"),
    "distinct_texts": ("distinct texts", "percent"),
    "judge_picture": ("judge: picture", "points"),
    "judge_truth": ("judge: truth", "points"),
    "judge_completeness": ("judge: completeness", "points"),
    "judge_reference": ("judge: reference", "points"),
    "judge_unreadable": ("judge: no mark", "count"),
    "judge_failed": ("judge: no reply", "count"),
    "judge_no_text": ("judge: no text", "count"),
}
"""Metric -> its name in a report and how it is written. Others are written as numbers, under their own names."""

LOWER = frozenset(
    {"ece", "mean_mae", "mae", "contradiction_rate", "unit_contradiction_rate", "unread", "compat_failures"}
)
"""Metrics of which less is better."""
_JUDGE = ("judge_picture", "judge_truth", "judge_completeness", "judge_reference")
MAIN: dict[str, tuple[str, ...]] = {
    "emotion": ("accuracy", "macro_f1", "uar", "ece"),
    "au": ("mean_f1", "micro_f1", "mean_icc", "mean_mae"),
    "describe": (
        "rege", "s_re", "s_ge", "rege_compat", "label_accuracy", "claim_f1", "claim_precision", "claim_recall",
        "contradiction_rate", "mean_words", "distinct_texts", *_JUDGE,
    ),
    "reason": (
        "sound_rate", "label_accuracy", "causes_named", "cause_support", "cause_precision", "claim_f1",
        "contradiction_rate", "own_label_agreement", "mean_words", "distinct_texts", *_JUDGE,
    ),
    "cause": ("causal_score", "claim_withdrawn", "claim_kept", "others_kept", "claims", "unread"),
    "robustness": ("mean_accuracy", "relative_accuracy", "clean_accuracy", "consistency"),
}  # fmt: skip
"""Family -> the metrics that its leaderboard shows."""


@dataclass(frozen=True)
class Breakdown:
    """A table of a score laid out across: column `value` of `table`, for each `key`; `bases` are columns
    about the truth, the same for every model."""

    table: str
    key: str
    value: str
    title: str
    bases: tuple[str, ...] = ()


BREAKDOWNS: tuple[Breakdown, ...] = (
    Breakdown("classes", "class", "recall", "recall of each class, percent", ("n",)),
    Breakdown("units", "unit", "f1", "F1 of each unit, percent", ("base_rate", "agreement")),
    Breakdown("units", "unit", "causal_score", "causal score of each unit"),
    Breakdown("perturbations", "perturbation", "accuracy", "accuracy under each perturbation, percent"),
)


def name_of_metric(name: str) -> str:
    """ "calibration error ↓": the arrow says that less is better. "F1 AU4": of one unit or class."""
    kind, one = _of_one(name)
    said = METRICS[kind][0] if kind in METRICS else kind.replace("_", " ")
    told = f"{said} {ACTION_UNITS[one].short if one in ACTION_UNITS else one}" if one else said
    return f"{told} ↓" if kind in LOWER else told


def judged(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Who marked the texts of a scored run, and how many got no marks; "" where nobody did."""
    if not tables.get("judge"):
        return ""
    row = tables["judge"][0]
    told = f"judged by {row['judge']} (prompt {row['prompt']}), {row['n']:,} texts"
    lacking = {
        "replies without all marks": row["judge_unreadable"],
        "requests that failed": row["judge_failed"],
        "without a text, marked 1": row["judge_no_text"],
    }
    return "; ".join([told, *(f"{count:,} {what}" for what, count in lacking.items() if count)])


def form_of_metric(name: str) -> Form:
    kind, _ = _of_one(name)
    return METRICS[kind][1] if kind in METRICS else "number"


def _of_one(name: str) -> tuple[str, str]:
    """A metric of one unit or class ("f1_AU04") in its parts; of any other the second is empty."""
    kind, _, one = name.partition("_")
    return (kind, one) if name not in METRICS and kind in ("recall", "f1", "icc", "mae") else (name, "")


def shown(name: str, number: Measured | None) -> str:
    """ "61.2": the value alone."""
    return written(name, number.value if number is not None else None)


def shown_with_interval(name: str, number: Measured | None) -> str:
    """ "61.2 [58.9, 63.4]"; without the brackets where there is no interval."""
    if number is None or number.value is None or number.low is None or number.high is None:
        return shown(name, number)
    return f"{written(name, number.value)} [{written(name, number.low)}, {written(name, number.high)}]"


def written(name: str, value: float | None) -> str:
    """ "61.2"; a dash where the value is not defined."""
    if value is None:
        return ABSENT
    form = form_of_metric(name)
    if form == "percent":
        return f"{100 * value:.1f}"
    if form == "points":
        return f"{value:.1f}"
    return f"{value:,.0f}" if form == "count" else f"{value:.3f}"
