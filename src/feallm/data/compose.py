"""Labelled faces -> instruction conversations in the paper's families and some more; `data.families` has them all.

`emotion` (closed set, the classes named), `distribution` (how raters voted), `expression` (describe the expression),
`aus` (list), `movements` (describe the AUs), `intensity` (which of two AUs is stronger), `blend` (mixed emotions),
`reading` (what AUs without a label may mean), `unaided` (the emotion and why at once), `refusal` (what no face tells),
`chat` (several of these), and those that begin with the evidence (AUs, the emotion, what it rests on): `reason` (why),
`unit` (is one AU there), `why_not` (another emotion), `area` (what a region does), `discriminate` (what tells it from a
similar emotion) and `counterfactual` (what would turn it into another).
A face without AU codes gets no AU claims; a face without a label is not told one; an unknown AU is never denied.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random

from feallm.data.families import FAMILIES, LAST_TURNS, TURNS, evidence, family_turns
from feallm.data.records import LabelledFace, Record, Turn
from feallm.data.subject import Subject, subject_of
from feallm.facs.coding import Coding
from feallm.facs.emotions import LABEL_SETS
from feallm.facs.wording import Verdict
from feallm.prompts import QUESTIONS

__all__ = ["FAMILIES", "LAST_TURNS", "compose", "compose_corpus", "compose_records", "compose_words", "evidence_turns"]
ABOUT_VOTES = frozenset({"distribution", "blend", "chat"})


def present_units(face: LabelledFace) -> dict[str, float]:
    """The AUs coded as present at any strength, with their strengths."""
    return {unit: strength for unit, strength in face.action_units.items() if strength > 0}


def compose(
    face: LabelledFace, family: str, rng: Random, verdicts: Mapping[str, Verdict] | None = None
) -> Record | None:
    """One record of one family about one face, or None when the labels it needs are not known.

    `verdicts[label set]` say what the emotions rest on; without them it is what FACS says. Raises ValueError for an
    unknown family.
    """
    if family not in FAMILIES:
        raise ValueError(f"unknown family {family!r}: the families are {sorted(FAMILIES)}")
    voted = family in ABOUT_VOTES or (family == "expression" and not face.action_units)
    turns = family_turns(family, subject_of(face, rng, verdicts, voted=voted), rng)
    return Record(face.id, family, turns) if turns else None


def evidence_turns(
    families: Sequence[str], verdict: Verdict, label_set: str, units: Mapping[str, float | None], rng: Random
) -> tuple[Turn, ...]:
    """The evidence-first conversation: AUs, the emotion, what it rests on, and then a question of each family.

    All coded AUs count as known: those that are not among `units` are absent.
    """
    subject = Subject(Coding.whole(units), label_set, verdict)
    last = (TURNS[family](subject, rng) for family in families)
    return (*evidence(subject, rng), *(turn for turn in last if turn is not None))


def compose_records(
    faces: Sequence[LabelledFace], families: Mapping[str, float], *, per_face: int, seed: int
) -> list[Record]:
    """`per_face` records of each face, five times as many of an AU-coded one, of families drawn by their shares.

    A family that a face has no labels for gives nothing. Same seed, same records.
    """
    rng = Random(seed)
    names, shares = list(families), list(families.values())
    records = []
    for face in faces:
        for family in rng.choices(names, shares, k=per_face * (5 if face.action_units else 1)):
            record = compose(face, family, rng)
            if record is not None:
                records.append(record)
    rng.shuffle(records)
    return records


def compose_words(faces: Sequence[LabelledFace], *, count: int, seed: int) -> list[Record]:
    """Evidence-first conversations about no face in particular, for teaching a fresh LLM to put evidence in words.

    The evidence is that of a coded face, half of the time changed: AUs dropped, foreign ones added, or another
    emotion, and what carries the verdict, how sure it is and what comes second are drawn at random, so that the words
    must follow the evidence given and not what usually goes together.
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
        units, emotion = _strengths(face, rng), face.labels[label_set]
        if rng.random() < 0.5:
            units = {unit: strength for unit, strength in units.items() if rng.random() > 0.25}
            units |= {unit: rng.choice((1.0, 3.0, 5.0)) for unit in rng.sample(everything, rng.choice((0, 0, 1, 2, 3)))}
            emotion = rng.choice((emotion, rng.choice(LABEL_SETS[label_set])))
        others = [family for family in LAST_TURNS if family != "reason"]
        families = ["reason", *rng.sample(others, rng.randrange(3))]
        rng.shuffle(families)
        verdict = _any_verdict(emotion, units, LABEL_SETS[label_set], rng)
        turns = evidence_turns(families, verdict, label_set, units, rng)
        records.append(Record(f"words{number:06d}", families[0], turns, given=len(turns) - len(families)))
    return records


def _strengths(face: LabelledFace, rng: Random) -> dict[str, float]:
    """The present AUs; strengths that were not graded are drawn."""
    units = present_units(face)
    return units if face.graded else {unit: rng.choice((1.0, 3.0, 5.0)) for unit in units}


def _any_verdict(emotion: str, units: dict[str, float], classes: Sequence[str], rng: Random) -> Verdict:
    """A verdict that rests on some of the units: those of the prototype, or any."""
    carrying = list(Verdict.by_prototype(emotion, units).carrying)
    if rng.random() < 0.5:
        carrying = [unit for unit in units if rng.random() < 0.6]
        rng.shuffle(carrying)
    second = rng.choice([name for name in classes if name != emotion]) if rng.random() < 0.3 else None
    return Verdict(emotion, tuple(carrying[:5]), second, rng.random() < 0.3)


def compose_corpus(faces: Iterable[LabelledFace], *, seed: int, limit: int = 20000) -> Iterator[str]:
    """Texts to train a tokenizer on: composed answers of every family and every question."""
    for task in QUESTIONS:
        gaps = {"unit": "AU1", "other": "fear", "area": "brows"}
        yield from (phrasing.format(classes=", ".join(LABEL_SETS["ferplus"]), **gaps) for phrasing in QUESTIONS[task])
    coded = [face for face in faces if face.action_units]
    rng = Random(seed)
    for face in coded[: limit // 4]:
        records = (compose(face, family, rng) for family in ("expression", "movements"))
        yield from (turn.answer for record in records if record is not None for turn in record.turns)
    for record in compose_words(coded, count=limit, seed=seed):
        yield from (text for turn in record.turns for text in (turn.question, turn.answer))
