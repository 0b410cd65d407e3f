"""What one text says beside what the labels of its face say: the facts that `text_scores` counts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from feallm.bench.items import Response
from feallm.bench.outcomes import Outcome
from feallm.facs.causes import causes
from feallm.facs.prototypes import supporting_aus


@dataclass(frozen=True)
class Facts:
    """One item. Without a text everything that is read from it is empty.

    `verdict` is the emotion the text settles on, `label` the labelled one, `own` what the model gave beside the text.
    `contradicted` are units that the text asserts against all passes that judged them, or denies against them;
    `supporting` causes belong to the verdict by the prototypes, `borne[cause]` is the share of passes that have it, of
    those that judged it. `coded`: the labels have units.
    """

    text: str
    verdict: str | None = None
    label: str | None = None
    own: str | None = None
    asserted: tuple[str, ...] = ()
    contradicted: tuple[str, ...] = ()
    contradicts_emotion: bool = False
    causes: tuple[str, ...] = ()
    supporting: tuple[str, ...] = ()
    borne: Mapping[str, float] = field(default_factory=dict)
    coded: bool = False

    @property
    def right(self) -> bool:
        """Whether the text settles on the labelled emotion."""
        return self.label is not None and self.verdict == self.label

    @property
    def sound(self) -> bool:
        """Whether the text gives the right emotion, with a cause unless it is neutral, and contradicts no unit."""
        return self.right and not self.contradicted and (self.verdict == "neutral" or bool(self.causes))


def facts_of(outcome: Outcome, positive: float) -> Facts:
    """The facts of an outcome. A unit is there from strength `positive` on."""
    truth = outcome.item.truth
    label, own, shares = truth.emotion, _own(outcome.response), _shares(truth.units, positive)
    read = outcome.read
    if outcome.fate != "answered" or read is None:
        return Facts("", label=label, own=own, coded=bool(shares))
    verdict = read.emotion
    named = causes(outcome.text, verdict) if verdict is not None else ()
    denied = {unit for unit, share in shares.items() if share == 1} if read.none_aus else set(read.denied_aus)
    against = [unit for unit in read.aus if shares.get(unit) == 0]
    against += sorted(unit for unit in denied if shares.get(unit) == 1)
    return Facts(
        text=outcome.text.strip(),
        verdict=verdict,
        label=label,
        own=own,
        asserted=read.aus,
        contradicted=tuple(against),
        contradicts_emotion=label is not None and (label in read.denied_emotions or verdict not in (None, label)),
        causes=named,
        supporting=tuple(unit for unit in named if verdict is not None and unit in supporting_aus(verdict)),
        borne={unit: shares[unit] for unit in named if unit in shares},
        coded=bool(shares),
    )


def _shares(passes: tuple[Mapping[str, float], ...], positive: float) -> dict[str, float]:
    """Unit -> the share of passes that call it present, of those that judged it."""
    judged: dict[str, list[bool]] = {}
    for strengths in passes:
        for unit, strength in strengths.items():
            judged.setdefault(unit, []).append(strength >= positive)
    return {unit: sum(seen) / len(seen) for unit, seen in judged.items()}


def _own(response: Response | None) -> str | None:
    """The emotion that a model gave beside its text."""
    if response is None:
        return None
    if response.emotion is not None or not response.scores:
        return response.emotion
    return max(response.scores, key=lambda name: (response.scores or {})[name])
