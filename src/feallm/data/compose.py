"""Labelled faces -> instruction conversations in the paper's families; the words come from `facs.wording`.

Families: `emotion` (closed set, the classes named), `expression` (describe the expression), `aus` (list),
`movements` (describe the AUs), `reason` (AUs, then the emotion, then why: the causal link, evidence first).
A face without AU codes gets no AU claims; a face without a label in a set is not asked about it.
"""

from collections.abc import Iterable, Iterator, Sequence
from random import Random

from feallm.data.records import Claims, LabelledFace, Record, Turn
from feallm.facs.answers import read_answer
from feallm.facs.emotions import LABEL_SETS
from feallm.facs.wording import describe_expression, describe_units, explain, list_units
from feallm.prompts import QUESTIONS, ask

CODED_FAMILIES = ("reason", "reason", "aus", "emotion", "expression", "movements")
UNCODED_FAMILIES = ("emotion", "emotion", "expression")


def present_units(face: LabelledFace) -> dict[str, float]:
    """The AUs coded as present at any strength, with their strengths."""
    return {unit: strength for unit, strength in face.action_units.items() if strength > 0}


def compose(face: LabelledFace, family: str, rng: Random) -> Record | None:
    """One record of one family about one face, or None when the labels it needs are not known."""
    units = present_units(face) if face.action_units else None
    label_set = rng.choice(sorted(face.labels)) if face.labels else None
    turns: tuple[Turn, ...] | None
    if family in ("aus", "movements"):
        turns = None if units is None else (_unit_turn(family, units, rng),)
    elif label_set is None:
        return None
    elif family == "emotion":
        turns = (_emotion_turn(face.labels[label_set], label_set, rng),)
    elif family == "expression":
        answer = describe_expression(face.labels[label_set], units, rng)
        turns = (Turn(ask("describe_expression", rng=rng), answer, _claims(answer, face.labels[label_set], units)),)
    elif family == "reason":
        turns = None if units is None else reason_turns(face.labels[label_set], label_set, units, rng)
    else:
        raise ValueError(f"unknown family {family!r}: the families are {sorted(set(CODED_FAMILIES))}")
    return Record(face.id, family, turns) if turns else None


def reason_turns(emotion: str, label_set: str, units: dict[str, float], rng: Random) -> tuple[Turn, ...]:
    """The evidence-first conversation: AUs, the emotion, and why the one follows from the other."""
    answer = explain(emotion, units, rng)
    return (
        _unit_turn("aus", units, rng),
        _emotion_turn(emotion, label_set, rng),
        Turn(ask("reason", rng=rng), answer, _claims(answer, emotion, units)),
    )


def _unit_turn(family: str, units: dict[str, float], rng: Random) -> Turn:
    claims = Claims(asserted=tuple(sorted(units)))
    if family == "aus":
        return Turn(ask("aus", rng=rng), list_units(units), claims)
    return Turn(ask("describe_aus", rng=rng), describe_units(units, rng), claims)


def _emotion_turn(emotion: str, label_set: str, rng: Random) -> Turn:
    return Turn(ask("emotion", LABEL_SETS[label_set], rng), f"{emotion.capitalize()}.", Claims(emotion=emotion))


def _claims(answer: str, emotion: str, units: dict[str, float] | None) -> Claims:
    """An answer in words may leave out weaker AUs: its claims are what it says, read by the one reader."""
    found = read_answer(answer)
    if found.emotion != emotion or not set(found.aus) <= set(units or ()):
        raise ValueError(
            f"composed answer reads as {found.emotion} with {found.aus}, the labels are {emotion} with "
            f"{sorted(units or ())}: {answer}"
        )
    return Claims(emotion=emotion, asserted=found.aus)


def compose_records(faces: Sequence[LabelledFace], *, per_face: int, seed: int) -> list[Record]:
    """`per_face` records of each face, five times as many of an AU-coded one; same seed, same records."""
    rng = Random(seed)
    records = []
    for face in faces:
        coded = bool(face.action_units)
        families = CODED_FAMILIES if coded else UNCODED_FAMILIES
        for _ in range(per_face * (5 if coded else 1)):
            record = compose(face, rng.choice(families), rng)
            if record is not None:
                records.append(record)
    rng.shuffle(records)
    return records


def compose_words(faces: Sequence[LabelledFace], *, count: int, seed: int) -> list[Record]:
    """Evidence-first conversations about no face in particular, for teaching a fresh LLM to put evidence in words.

    The evidence is that of a coded face, half of the time changed: AUs dropped, foreign ones added, or another
    emotion, so that the words must follow the evidence given and not what usually goes together.
    """
    rng = Random(seed)
    coded = [face for face in faces if face.action_units and face.labels]
    if not coded:
        raise ValueError("the text stage needs faces with AU codes and emotion labels: give the source `au_codes`")
    everything = sorted({unit for face in coded for unit in face.action_units})
    records = []
    for number in range(count):
        face = rng.choice(coded)
        label_set = rng.choice(sorted(face.labels))
        units, emotion = present_units(face), face.labels[label_set]
        if rng.random() < 0.5:
            units = {unit: strength for unit, strength in units.items() if rng.random() > 0.25}
            units |= {unit: rng.choice((1.0, 3.0, 5.0)) for unit in rng.sample(everything, rng.choice((0, 0, 1, 2, 3)))}
            emotion = rng.choice((emotion, rng.choice(LABEL_SETS[label_set])))
        records.append(Record(f"words{number:06d}", "reason", reason_turns(emotion, label_set, units, rng)))
    return records


def compose_corpus(faces: Iterable[LabelledFace], *, seed: int, limit: int = 20000) -> Iterator[str]:
    """Texts to train a tokenizer on: composed answers of every family and every question."""
    for phrasings in QUESTIONS.values():
        yield from (phrasing.format(classes=", ".join(LABEL_SETS["ferplus"])) for phrasing in phrasings)
    coded = [face for face in faces if face.action_units]
    for record in compose_words(coded, count=limit, seed=seed):
        yield from (text for turn in record.turns for text in (turn.question, turn.answer))
