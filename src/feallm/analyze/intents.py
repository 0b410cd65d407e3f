"""What a question about a face asks for, by plain rules over its words. Emotions and units come from `facs.answers`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from feallm.analyze.refusals import about_person, names_somebody, refused_topic, unmeasured_topic
from feallm.analyze.supposed import EVERY, GRADED, MATTERS, WHAT_IF, blanked, read_change
from feallm.analyze.wordings import wordings
from feallm.facs.action_units import parse_au
from feallm.facs.answers import Mention, mentions

Kind = Literal[
    "refuse", "help", "what_if", "what_changes", "why_not", "is_it", "ground", "strength", "area", "sure", "units",
    "movements", "unit", "why", "describe", "emotion", "absent", "against", "toward", "sides", "meaning", "strongest",
    "faces", "quality", "unmeasured", "beyond", "unknown",
]  # fmt: skip


@dataclass(frozen=True)
class Intent:
    """`units` and `emotions` in the order they are named. `without` and `adding` are for what_if, with `every` where
    all units are to go, or all of the area; `area` (a key of `facs.replies.AREAS`) for area, `topic` for refuse and
    unmeasured; `strange` is a unit number that FACS does not have; `felt` tells that the question is about feelings,
    which a face need not show, `pixels` that a place in the picture is wanted."""

    kind: Kind
    units: tuple[str, ...] = ()
    emotions: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    adding: tuple[str, ...] = ()
    every: bool = False
    area: str | None = None
    topic: str | None = None
    strange: str | None = None
    felt: bool = False
    pixels: bool = False


_AREAS = {
    "brows": wordings("brow, brows, eyebrow*, forehead"),
    "eyes": wordings("eye, eyes, lid, lids, eyelid*, gaze"),
    "cheeks": wordings("cheek*"),
    "nose": wordings("nose, nostril*"),
    "mouth": wordings("mouth, lip, lips, teeth"),
    "chin and jaw": wordings("chin, jaw, jaws"),
}
_NUMBER = re.compile(r"\b(?:au|action unit)[\s_#-]*0*(\d+)", re.IGNORECASE)
_HELP = wordings(
    "help $, (can/could/should/may) (i/we) ask, what (can/do) you (do/tell/answer/know), (which/what) questions",
    "how (do/does) (i/this/it) (use/work)",
)
_CHANGES = wordings(
    "(what/which/how) ... (would/could/might/must/should/can/needs/has/to) ... (change*/turn*/flip*/alter*/differ*)",
    "what (would/could/might/can) make, what would it take, what changes, what decides, counterfactual*, decisive",
    "robust*",
    "(which/what) ... (matters/weighs/contributes/important), change (the/your) (verdict/answer)",
)
_WHY_NOT = wordings(
    "not, n't, rather than, instead of, (speak/speaks) against, (rule/rules/ruled) out, maybe, perhaps, possibly",
    "(could/might/may/can) THING, (how/what) about, (missing/lacking) for, against, keep, keeps, need, needs, wrong",
)
_BARE_WHY_NOT = re.compile(r"\W*(?:and |but |so )?why not(?: (?:that|it|this))?\W*", re.IGNORECASE)
_TOWARD = wordings(
    "what (would/could/might/can/must/should) (make/turn/change), what would it take, what would have to",
    "what (needs/has) to (change/happen)",
    "(turn/change/flip/tip/push/move/make) (it/this/that/the) ... (into/to/toward)",
    "how (could/would/can) (it/this/that) (become/be/turn), to (become/be/get/reach), what would need",
)
_YES_NO = re.compile(
    r"\W*(?:and |so |but |then |tell me (?:if |whether )|do you (?:think|see|believe) )*"
    r"(?:is|are|isn't|aren't|was|does|do|doesn't|would|has|looks?|seems?|he|she|they|it|the)\b",
    re.IGNORECASE,
)
_WHY = wordings(
    "why, reason*, explain*, explanation, how do you know, how can you tell, justif*, because, how come, evidence",
    "(rest/rests) on, based on, what (makes/leads/tells/gives)",
)
_CARRIED = wordings("(units/aus/unit/au) (carry/carries/support/supports/back/decide/decides/lead/leads/explain)")
_AGAINST = wordings(
    "against (it/that/this/the/your), (speak/speaks/speaking/argue/argues/counts) against, contradict*",
)
_PIXELS = wordings("pixel*, coordinate*, bounding box, box, boxes, quadrilateral*")
_WHERE = wordings(
    "where, why, how do you know, how can you tell, evidence, proof, prove, show me, region*, area*, place, location",
    "locat*, (part/spot) of the (face/picture/image/photo), visible at",
)
_SIDES = wordings(
    "one-sided, one sided, unilateral*, bilateral*, asymmetr*, symmetr*, lopsided, two-sided, side, sides",
    "(the/on/his/her/their/its) (left/right), (left/right) (or/and/than) (left/right)",
)
_WHAT_IS = re.compile(r"\W*(?:and )?(?:what|which)(?:'s| is| are)?(?: an?| the)?\W*", re.IGNORECASE)
_MEANING = wordings(
    "mean, means, meaning, define, definition, muscle*, (stand/stands) for, difference between, explain, called",
    "(name/names) of, (look/looks) like",
)
_ABSENT = wordings(
    "(which/what/list/name/any/all/tell/the) ... (absent/missing/inactive/lacking)",
    "(which/what) ... (not/n't) ... (present/active/there/visible/shown/seen/show/found/detected/have)",
    "(which/what) ... (aren't/isn't/doesn't/don't), not (present/active/visible)",
)
_STRONGEST = wordings("strongest, weakest, most (intense/pronounced), least (intense/pronounced), faintest")
_QUALITY = wordings("blur*, quality, good enough, sharp*, resolution, too (dark/small/bright), lighting, unclear")
_DENYING = wordings("absent, missing, inactive, gone, not, n't, no, lack*")
_FACES = wordings("how many (people/persons/faces/men/women), number of (faces/people), more than one (face/person)")
_OF_UNIT = wordings(
    "where, what if, would ... if, without, remov*, (take/taking) away, adding, add, how (strong/sure/intense/certain)",
    "strong*, strength, intens*, weak*, slight*, region*, pixel*, coordinate*, contribut*, matter*, important, muscle*",
    "mean",
    "(is/was/are/were) (it/that/this/they/those/these) ?really (there/present/visible/absent/active/missing/clear)",
    "one-sided, bilateral, symmetric*, asymmetric*, left, right, what is (it/that/this) $, evidence",
)
_IT = re.compile(r"\b(?:its?|that|this|they|them|those|these|both)\b", re.IGNORECASE)
_STRENGTH = wordings(
    "how (strong*/intense*/much/big/wide*/deep*/pronounced/far/heav*/visible), intens*, strength, strong*, slight*",
    "weak*",
)
_SURE = wordings(
    "sure, certain*, confiden*, probabilit*, likel*, reliabl*, clear, percent*, second*, runner*, alternativ*",
    "what else, else could, top, stable",
    "other emotion, other emotions, mixed, mixture, blend*, score, scores, doubt*, trust this",
    "(two/several/multiple/conflicting/ambiguous/more) emotions, more than one emotion, ambigu*, ambivalen*",
)
_UNITS = wordings("action unit, action units, au, aus, facs, units")
_MOVEMENTS = wordings("muscle*, movement*, moves, moving, describe ... (action/aus/units)")
_DESCRIBE = wordings(
    "descri*, tell me about, (look/looks) like, how (do/does) ... look, summar*, what (do/can) you see",
    "what (is/can) ?be (seen/visible)",
)
_EMOTION = wordings(
    "emotion*, express*, feel*, mood, verdict, show, shows, label, reading, sentiment, affect",
    "how (is/are) (he/she/they/the/this)",
)
_BEYOND = wordings(
    "bored, boredom, confus*, proud, pride, excit*, interest*, embarrass*, asham*, shame, jealous*, envy, envious",
    "amus*, frustrat*, concentrat*, curious, curiosity, relief, relieved, awe, sarcas*, nervous*, flirt*, love, loving",
    "bliss, serene, serenity, annoyed, disappoint*, lonely, loneliness, guilt, hope, hopeful, grateful, shy, serious",
    "relaxed, thoughtful, pensive, skeptic*, sceptic*, sleepy, yawn*, wink*",
)
"""Expressions and states outside of every label set."""
_RELAXED = wordings("relax*, at rest, still, unmoved, resting, (not/n't) move, (not/n't) moving")
_FELT = wordings("feel*, mood, really, deep down, inside")


def understand(question: str, before: Intent | None = None) -> Intent:
    """What a question asks for; kind "unknown" where no rule fits. `before`: what the question before it asked for,
    which "it" and a bare "why not?" may stand for."""
    text = question.replace("’", "'").strip()
    found = mentions(text)
    alone = parse_au(text.strip(" ?.!")) if text else None
    units = _named(found, "au") or ((alone,) if alone is not None else ())
    emotions = _named(found, "emotion")
    if before is not None and not units and not emotions:
        resumed = _resumed(text, before)
        if resumed is not None:
            return resumed
    rest = blanked(text, found)
    topic = refused_topic(rest)
    if topic is not None and not (topic == "place" and units):
        return Intent("refuse", units, emotions, topic=topic)
    strange = next((number for number in _NUMBER.findall(text) if parse_au(int(number)) is None), None)
    if strange is not None:
        return Intent("unit", units, emotions, strange=f"AU{strange}")
    unmeasured = unmeasured_topic(rest)
    if unmeasured is not None:
        return Intent("unmeasured", units, emotions, topic=unmeasured)
    area = next((area for area, worded in _AREAS.items() if worded.search(text)), None)
    if not units and area is not None and WHAT_IF.search(text) and _RELAXED.search(text):
        return Intent("what_if", units, emotions, every=True, area=area)
    if units or EVERY.search(text):
        supposed = _supposed(text, found, units, emotions)
        if supposed is not None:
            return supposed
    kind = _kind(text, rest, units, emotions, area)
    if not units and not emotions and names_somebody(text):
        return Intent("refuse", topic="identity")
    if kind == "unknown" and about_person(text):
        return Intent("refuse", topic="else")
    felt, pixels = _FELT.search(text) is not None, _PIXELS.search(text) is not None
    return Intent(kind, units, emotions, area=area, felt=felt, pixels=pixels)


def _resumed(text: str, before: Intent) -> Intent | None:
    """A question that stands for its topic by "it": of the units asked for before; "why not?" of the emotions."""
    if before.emotions and _BARE_WHY_NOT.fullmatch(text):
        return Intent("why_not", emotions=before.emotions)
    if not before.units or not _OF_UNIT.search(text) or not _IT.search(text):
        return None
    numbers = " and ".join(f"AU{int(unit[2:])}" for unit in before.units)
    return understand(_IT.sub(numbers, text, count=1))


def _supposed(text: str, found: Sequence[Mention], units: tuple[str, ...], emotions: tuple[str, ...]) -> Intent | None:
    """A question about an intervention; None for any other."""
    supposing = WHAT_IF.search(text) is not None
    if supposing and GRADED.search(text):
        return Intent("unmeasured", units, emotions, topic="graded")
    if supposing and not units:
        return Intent("what_if", units, emotions, every=True)
    if supposing:
        without, adding = read_change(text, found)
        return Intent("what_if", units, emotions, without, adding)
    if units and not emotions and MATTERS.search(text):
        return Intent("what_if", units, without=units)
    return None


def _kind(text: str, rest: str, units: Sequence[str], emotions: Sequence[str], area: str | None) -> Kind:
    if re.fullmatch(r"\W*\?\W*", text) or _HELP.search(text):
        return "help"
    if units:
        return _about_units(text, rest, emotions)
    if emotions:
        return _about_emotions(text, emotions)
    of_emotion = wordings("emotion*").search(text) is not None
    rules: tuple[tuple[Kind, bool | re.Match[str] | None], ...] = (
        ("what_if", wordings("what if").search(text)),
        ("what_changes", _CHANGES.search(text)),
        ("against", _AGAINST.search(text)),
        ("absent", _ABSENT.search(text) and not of_emotion),
        ("strongest", _STRONGEST.search(text) and not of_emotion),
        ("faces", _FACES.search(text)),
        ("sides", _SIDES.search(text)),
        ("quality", _QUALITY.search(text)),
        ("area", area is not None),
        ("why_not", wordings("why not").search(text)),
        ("movements", _MOVEMENTS.search(text)),
        ("describe", _DESCRIBE.search(text)),
        ("strength", _STRENGTH.search(text)),
        ("why", _CARRIED.search(text)),
        ("units", _UNITS.search(text)),
        ("why", _WHY.search(text)),
        ("beyond", _BEYOND.search(text)),
        ("emotion", _FELT.search(text)),
        ("sure", _SURE.search(text)),
        ("emotion", _EMOTION.search(text)),
    )
    return next((kind for kind, fits in rules if fits), "unknown")


def _about_units(text: str, rest: str, emotions: Sequence[str]) -> Kind:
    if emotions and _TOWARD.search(text):
        return "toward"
    if emotions and _WHY.search(text):
        return "why"
    if emotions and _YES_NO.match(text):
        return "is_it"
    if _SIDES.search(text):
        return "sides"
    if _WHERE.search(text) or _PIXELS.search(text):
        return "ground"
    if _STRENGTH.search(text) or wordings("sure, certain*, confiden*, probab*, likel*").search(text):
        return "strength"
    if _DENYING.search(rest):  # "is it absent?" is told in whole sentences, not by yes or no
        return "strength"
    return "meaning" if _WHAT_IS.fullmatch(rest) or _MEANING.search(rest) else "unit"


def _about_emotions(text: str, emotions: Sequence[str]) -> Kind:
    if _TOWARD.search(text):
        return "toward"
    if _CHANGES.search(text):
        return "what_changes"
    if _WHY_NOT.search(text):
        return "why_not"
    if _WHY.search(text):
        return "why"
    if len(emotions) > 1:
        return "emotion"
    if _SURE.search(text):
        return "sure"
    return "is_it" if _YES_NO.match(text) or len(text.split()) < 4 else "emotion"


def _named(found: Sequence[Mention], kind: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.value for each in found if each.kind == kind))
