"""What a question about a face asks for, by plain rules over its words. Emotions and units come from `facs.answers`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from feallm.analyze.refusals import refused_topic
from feallm.analyze.wordings import wordings
from feallm.facs.action_units import parse_au
from feallm.facs.answers import Mention, mentions

Kind = Literal[
    "refuse", "help", "what_if", "what_changes", "why_not", "is_it", "ground", "strength", "area", "sure", "units",
    "movements", "unit", "why", "describe", "emotion", "unknown",
]  # fmt: skip


@dataclass(frozen=True)
class Intent:
    """`units` and `emotions` in the order they are named. `without` and `adding` are for what_if, `area` (a key of
    `facs.replies.AREAS`) for area, `topic` for refuse; `strange` is a unit number that FACS does not have; `felt`
    tells that the question is about feelings, which a face need not show."""

    kind: Kind
    units: tuple[str, ...] = ()
    emotions: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    adding: tuple[str, ...] = ()
    area: str | None = None
    topic: str | None = None
    strange: str | None = None
    felt: bool = False


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
_WHAT_IF = wordings(
    "what if, suppos*, imagine, without, (take/taking) away, remov*, adding, add $, minus, would ... if",
    "if ... (were/weren't/was/wasn't/had/hadn't/did/didn't/would/stopped/gone)",
)
_MATTERS = wordings("contribut*, matter*, weigh*, effect, influence, importan*, role, impact")
_TAKEN = wordings(
    "without, gone, missing, absent, remov*, no, not, n't, never, (take/takes/took/taken/taking) ... away, disappear*",
    "vanish*, stop*, minus, relax*, at rest, less, lack*, delet*, ignor*",
)
_ADDED = wordings("with, add*, plus, appear*, (were/was) there")
_JOINED = re.compile(r"\b(?:and|but)\b|[,;]", re.IGNORECASE)
_VERB = wordings("were, was, is, are, did, had, would")
_CHANGES = wordings(
    "(what/which/how) ... (would/could/might/must/should/can/needs/has/to) ... (change*/turn*/flip*/alter*/differ*)",
    "what (would/could/might/can) make, what would it take, what changes, what decides, counterfactual*, decisive",
    "(which/what) ... (matters/weighs/contributes/important), change (the/your) (verdict/answer)",
)
_WHY_NOT = wordings(
    "not, n't, rather than, instead of, (speak/speaks) against, (rule/rules/ruled) out, maybe, perhaps, possibly",
    "(could/might/may/can) THING, (how/what) about",
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
_WHERE = wordings("where, why, how do you know, how can you tell, evidence, proof, show me")
_STRENGTH = wordings(
    "how (strong*/intense*/much/big/wide*/deep*/pronounced/far/heav*/visible), intens*, strength, strong*, slight*",
    "weak*",
)
_SURE = wordings(
    "sure, certain*, confiden*, probabilit*, likel*, reliabl*, clear, percent*, second*, runner*, alternativ*",
    "what else, else could, other emotion, other emotions, mixed, blend, score, scores, doubt*, trust this",
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
_FELT = wordings("feel*, mood, really, deep down, inside")


def understand(question: str) -> Intent:
    """What a question asks for; kind "unknown" where no rule fits."""
    text = question.replace("’", "'").strip()
    found = mentions(text)
    alone = parse_au(text.strip(" ?.!")) if text else None
    units = _named(found, "au") or ((alone,) if alone is not None else ())
    emotions = _named(found, "emotion")
    topic = refused_topic(_blanked(text, found))
    if topic is not None:
        return Intent("refuse", units, emotions, topic=topic)
    strange = next((number for number in _NUMBER.findall(text) if parse_au(int(number)) is None), None)
    if strange is not None:
        return Intent("unit", units, emotions, strange=f"AU{strange}")
    if units and _WHAT_IF.search(text):
        return Intent("what_if", units, emotions, *_change(text, found))
    if units and not emotions and _MATTERS.search(text):
        return Intent("what_if", units, without=units)
    area = next((area for area, worded in _AREAS.items() if worded.search(text)), None)
    kind = _kind(text, units, emotions, area)
    return Intent(kind, units, emotions, area=area, felt=_FELT.search(text) is not None)


def _kind(text: str, units: Sequence[str], emotions: Sequence[str], area: str | None) -> Kind:
    if re.fullmatch(r"\W*\?\W*", text) or _HELP.search(text):
        return "help"
    if units:
        return _about_units(text, emotions)
    if emotions:
        return _about_emotions(text, emotions)
    rules: tuple[tuple[Kind, bool | re.Match[str] | None], ...] = (
        ("what_if", wordings("what if").search(text)),
        ("what_changes", _CHANGES.search(text)),
        ("area", area is not None),
        ("why_not", wordings("why not").search(text)),
        ("movements", _MOVEMENTS.search(text)),
        ("describe", _DESCRIBE.search(text)),
        ("strength", _STRENGTH.search(text)),
        ("units", _UNITS.search(text)),
        ("why", _WHY.search(text)),
        ("emotion", _FELT.search(text)),
        ("sure", _SURE.search(text)),
        ("emotion", _EMOTION.search(text)),
    )
    return next((kind for kind, fits in rules if fits), "unknown")


def _about_units(text: str, emotions: Sequence[str]) -> Kind:
    if emotions and _WHY.search(text):
        return "why"
    if emotions and _YES_NO.match(text):
        return "is_it"
    if _STRENGTH.search(text) or wordings("sure, certain*, confiden*, probab*, likel*").search(text):
        return "strength"
    return "ground" if _WHERE.search(text) else "unit"


def _about_emotions(text: str, emotions: Sequence[str]) -> Kind:
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


def _blanked(text: str, found: Sequence[Mention]) -> str:
    """The text without the units it names, so that "the lip corners are depressed" is no question of health."""
    for each in found:
        if each.kind == "au":
            text = text[: each.start] + " " * (each.end - each.start) + text[each.end :]
    return text


def _change(text: str, found: Sequence[Mention]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The units a what-if question takes out and puts in, part by part.

    A part without a word for either is said of the one before it ("without AU6 and AU12") or, where it has no verb, of
    the one after it ("AU6 and AU12 were gone"); a sentence without any puts in ("the brows were lowered").
    """
    bounds = [0, *(match.start() for match in _JOINED.finditer(text)), len(text)]
    rest = _blanked(text, found)
    units: dict[bool, dict[str, None]] = {True: {}, False: {}}  # taken out, put in
    waiting: list[str] = []
    before: bool | None = None
    for start, end in pairwise(bounds):
        part, inside = rest[start:end], [each for each in found if start <= each.start < end and each.kind == "au"]
        cue = _TAKEN.search(part) or _ADDED.search(part)
        named = [*waiting, *_named(inside, "au")]
        waiting = []
        if cue is not None:
            taken = _TAKEN.search(part) is not None
            before = taken if not inside or start + cue.start() < inside[0].start else None
        elif before is not None:
            taken = before
        elif inside and not _VERB.search(text[start:end]) and end < len(text):
            waiting = named
            continue
        else:
            taken = False
        units[taken].update(dict.fromkeys(named))
    return tuple(units[True]), tuple(unit for unit in units[False] if unit not in units[True])
