"""Intervention tests on the coded faces. Does a claimed action unit rest on the place where it is seen?

Of each face up to two units are chosen before any model has answered: both coding passes see them, their region is
known, those of the label's prototype come first, then the stronger. Faces without such a unit are left out.

MINI_CAUSE asks for the action units of the original, and for each unit with its region hidden, and with a control
region of the same size hidden; and for the emotion of the original, and of it mirrored, a little darker and a little
brighter. MINI_CAUSE_REASON asks for the emotion and its reasons, in the original and with the region and the control
of the first unit hidden. They are two tasks because many models give labels and no reasons.

Pictures are shown at their source's own side (48 pixels), as in the other tasks: every model enlarges them as it does
with any picture, and none gets another's crop. FER2013's pictures are framed as the regions of `faces.regions`
expect, and are square, so the original is the source's picture, pixel for pixel. What is hidden is covered in the
face's mean colour, before anything is enlarged.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from feallm.bench import mini
from feallm.bench.cause_scores import CONTROL, HIDDEN, ORIGINAL, cause_score, cause_tally
from feallm.bench.items import Item, Kind, Picture, Sample, Truth, picture_digest
from feallm.bench.perturb import brighter, darker, hide, mirrored
from feallm.bench.tasks.fer2013 import SHARES
from feallm.bench.tasks.task import Task
from feallm.data.records import LabelledFace
from feallm.faces.regions import AU_REGIONS, control_boxes
from feallm.facs.emotions import LABEL_SETS
from feallm.facs.prototypes import supporting_aus
from feallm.prompts import ask

CHOSEN = 2
POSITIVE = 0.5
LABEL_SET = "ferplus"
CLASSES = LABEL_SETS[LABEL_SET]
UNITS = tuple(AU_REGIONS)
AUS, EMOTION, REASON = ask("aus"), ask("emotion", CLASSES), ask("unaided", CLASSES)
Passes = tuple[Mapping[str, float], ...]
"""A face's units as each coder saw them."""
VIEWS: dict[str, Callable[[Picture], Picture]] = {"mirrored": mirrored, "darker": darker, "brighter": brighter}


def choose_units(emotion: str | None, passes: Sequence[Mapping[str, float]]) -> tuple[str, ...]:
    """Up to two units that every pass codes as present: those of the emotion's prototype first, then the stronger.

    Equals come in the order of the prototype's characteristic units, then of their numbers.
    """
    typical = supporting_aus(emotion) if emotion is not None else ()
    present = [unit for unit in UNITS if passes and all(one.get(unit, 0.0) >= POSITIVE for one in passes)]

    def rank(unit: str) -> tuple[bool, float, int, str]:
        strength = sum(one[unit] for one in passes) / len(passes)
        return unit not in typical, -strength, typical.index(unit) if unit in typical else 0, unit

    return tuple(sorted(present, key=rank)[:CHOSEN])


def chosen(path: Path, split: str) -> Iterator[tuple[LabelledFace, tuple[str, ...], Passes]]:
    """The faces that have units to test, with these and the coding passes. Raises as `mini.coded` does."""
    codes = mini.codes()
    for face in mini.coded(path, split):
        passes = tuple(one.strengths for one in codes[face.id])
        units = choose_units(_label(face), passes)
        if units:
            yield face, units, passes


def samples(path: Path, split: str) -> Iterator[Sample]:
    """MINI_CAUSE's questions about a face, then the next face. Raises as `mini.coded` does.

    Ids: "fer0032144:original:aus", "fer0032144:AU12:hidden:aus", "fer0032144:darker:emotion".
    """
    for face, units, passes in chosen(path, split):
        ask_face = partial(_sample, face, passes, picture_digest(face))
        yield ask_face("aus", AUS, ORIGINAL)
        for unit in units:
            yield ask_face("aus", AUS, HIDDEN, unit)
            yield ask_face("aus", AUS, CONTROL, unit)
        yield ask_face("emotion", EMOTION, ORIGINAL)
        for view in VIEWS:
            yield ask_face("emotion", EMOTION, view)


def reason_samples(path: Path, split: str) -> Iterator[Sample]:
    """MINI_CAUSE_REASON's questions about a face, then the next face. Raises as `mini.coded` does."""
    for face, units, passes in chosen(path, split):
        ask_face = partial(_sample, face, passes, picture_digest(face), "reason", REASON)
        yield ask_face(ORIGINAL)
        yield ask_face(HIDDEN, units[0])
        yield ask_face(CONTROL, units[0])


def _sample(
    face: LabelledFace, passes: Passes, picture: str, kind: Kind, question: str, part: str, unit: str = ""
) -> Sample:
    name = f"{unit}:{part}" if unit else part
    item = Item(
        sample=f"{face.id}:{name}:{kind}",
        face=face.id,
        kind=kind,
        question=question,
        truth=Truth(emotion=_label(face), units=passes),
        subject=face.subject,
        view="" if part == ORIGINAL else name.replace(":", " "),
        picture=picture,
        about={"unit": unit, "part": part},
    )
    return Sample(item, face, _change(part, unit))


def _change(part: str, unit: str) -> Callable[[Picture], Picture] | None:
    """What makes a part of the original picture; None for the original itself."""
    if part == HIDDEN:
        return partial(hide, boxes=AU_REGIONS[unit])
    if part == CONTROL:
        return partial(hide, boxes=control_boxes(AU_REGIONS[unit]))
    return VIEWS.get(part)


def _label(face: LabelledFace) -> str | None:
    """FER+'s class, else FER2013's."""
    return face.labels.get(LABEL_SET) or face.labels.get("fer2013")


_TESTED = (
    "Intervention tests on the coded faces of FER2013's validation split, with units chosen beforehand that both "
    "coding passes see. Of those that the model {names} in the original picture: the share no longer {named} when the "
    "unit's region is hidden, plus the share still {named} when as much is hidden elsewhere, minus 1. A model that "
    "ignores the picture or answers at random gets 0; an answer that cannot be read is neither withdrawn nor kept. The "
    "codes are model-coded; no certified FACS coder took part."
)


def _task(
    name: str,
    title: str,
    samples: Callable[[Path, str], Iterator[Sample]],
    questions: Mapping[Kind, str],
    protocol: str,
) -> Task:
    return Task(
        name=name,
        title=title,
        family="cause",
        source="fer2013",
        split=mini.SPLIT,
        samples=samples,
        questions=questions,
        tally=cause_tally,
        score=cause_score,
        protocol=protocol,
        headline="causal_score",
        classes=CLASSES,
        label_set=LABEL_SET,
        units=UNITS,
        positive=POSITIVE,
        graded=True,
        shares=SHARES,
    )


MINI_CAUSE = _task(
    "mini_cause",
    "FEABench-mini: do claims rest on the face?",
    samples,
    {"aus": AUS, "emotion": EMOTION},
    f"{_TESTED.format(names='names', named='named')} Up to two units a face. Emotion verdicts should stay when the "
    "picture is mirrored, darker or brighter.",
)
MINI_CAUSE_REASON = _task(
    "mini_cause_reason",
    "FEABench-mini: do reasons rest on the face?",
    reason_samples,
    {"reason": REASON},
    f"{_TESTED.format(names='gives as a cause of its emotion', named='given')} One unit a face.",
)
