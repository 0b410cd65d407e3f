"""Labelled faces -> instruction conversations in the paper's families; the words come from `facs.wording`.

Families: `emotion` (closed set, the classes named), `expression` (describe the expression), `aus` (list),
`movements` (describe the AUs), and those that begin with the evidence (AUs, the emotion, what it rests on): `reason`
(why), `unit` (is one AU there), `why_not` (another emotion), `area` (what a region does).
A face without AU codes gets no AU claims; a face without a label in a set is not asked about it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random

from feallm.data.records import Claims, LabelledFace, Record, Turn
from feallm.facs.action_units import ACTION_UNITS, CODED_AUS
from feallm.facs.answers import read_answer
from feallm.facs.emotions import LABEL_SETS
from feallm.facs.replies import AREAS, answer_area, answer_unit, answer_why_not
from feallm.facs.wording import Verdict, describe_expression, describe_units, explain, list_units, state_grounds
from feallm.prompts import QUESTIONS, ask

LAST_TURNS = ("reason", "unit", "why_not", "area")
FAMILIES = (*LAST_TURNS, "aus", "emotion", "expression", "movements")


def present_units(face: LabelledFace) -> dict[str, float]:
    """The AUs coded as present at any strength, with their strengths."""
    return {unit: strength for unit, strength in face.action_units.items() if strength > 0}


def compose(
    face: LabelledFace, family: str, rng: Random, verdicts: Mapping[str, Verdict] | None = None
) -> Record | None:
    """One record of one family about one face, or None when the labels it needs are not known.

    `verdicts[label set]` say what the emotions rest on; without them it is what FACS says.
    """
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
    elif family in LAST_TURNS:
        told = (verdicts or {}).get(label_set)
        verdict = told or Verdict.by_prototype(face.labels[label_set], units or ())
        turns = None if units is None else evidence_turns((family,), verdict, label_set, units, rng)
    else:
        raise ValueError(f"unknown family {family!r}: the families are {sorted(FAMILIES)}")
    return Record(face.id, family, turns) if turns else None


def evidence_turns(
    families: Sequence[str], verdict: Verdict, label_set: str, units: dict[str, float], rng: Random
) -> tuple[Turn, ...]:
    """The evidence-first conversation: AUs, the emotion, what it rests on, and then a question of each family."""
    return (
        _unit_turn("aus", units, rng),
        _emotion_turn(verdict.emotion, label_set, rng),
        Turn(ask("grounds", rng=rng), state_grounds(verdict), Claims(asserted=tuple(sorted(verdict.carrying)))),
        *(_last_turn(family, verdict, label_set, units, rng) for family in families),
    )


def _last_turn(family: str, verdict: Verdict, label_set: str, units: dict[str, float], rng: Random) -> Turn:
    if family == "reason":
        answer = explain(verdict, units, rng)
        return Turn(ask("reason", rng=rng), answer, _claims(answer, verdict.emotion, units))
    if family == "unit":
        unit = rng.choice(sorted(units) if units and rng.random() < 0.5 else CODED_AUS)
        asked = ask("unit", rng=rng, unit=ACTION_UNITS[unit].short)
        return Turn(asked, answer_unit(unit, units, rng), Claims(asserted=(unit,) if unit in units else ()))
    if family == "why_not":
        other = verdict.second or rng.choice([name for name in LABEL_SETS[label_set] if name != verdict.emotion])
        answer = answer_why_not(verdict, units, other, rng)
        return Turn(ask("why_not", rng=rng, other=other), answer, _claims(answer, verdict.emotion, units))
    area = rng.choice(sorted(AREAS))
    answer = answer_area(area, units, rng)
    return Turn(ask("area", rng=rng, area=area), answer, Claims(asserted=read_answer(answer).aus))


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
        units, emotion = present_units(face), face.labels[label_set]
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
