"""`Chat`: questions about one face, each answered from its reading, in words that the reading bears out."""

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from feallm.analyze import measured
from feallm.analyze import statements as tell
from feallm.analyze.analyzer import MAX_NEW_TOKENS, Analyzer
from feallm.analyze.checkpoints import PACKAGED_NAME
from feallm.analyze.effects import find_turning
from feallm.analyze.engine import Conversation
from feallm.analyze.evidence import agree, evidence_conversation, question
from feallm.analyze.hiding import region_evidence
from feallm.analyze.intents import Intent, Kind, understand
from feallm.analyze.reading import FaceReading
from feallm.analyze.spoken import (
    Wanted,
    checked,
    speak,
    want_anything,
    want_description,
    want_unit,
    want_units,
    want_why_not,
)
from feallm.facs.action_units import ACTION_UNITS
from feallm.facs.causes import sentences_of
from feallm.facs.refusals import NOT_MEASURED, refuse
from feallm.facs.replies import AREAS, answer_area, answer_unit, answer_why_not
from feallm.facs.wording import capital, describe_expression, describe_units
from feallm.prompts import ask

ATTEMPTS = 4
LONGEST_QUESTION = 500
NOT_UNDERSTOOD = (
    "That was not understood: ask which emotion the face shows, how sure that is, which action units are there, why, "
    "why not another emotion, what a part of the face does, or what would change the verdict."
)
HELP = (
    "Ask which emotion the face shows, how sure that is, what else it could be, why, and why not another emotion.",
    "Ask which action units are there, whether one is, how strong it is and where it is seen, by number or in words.",
    "Ask what the brows, eyes, cheeks, nose, mouth or chin do, or for the expression to be described.",
    "Ask what would change the verdict, what would make it fear, or what if a unit were gone: that is measured.",
)
NAME_UNITS = "Name the action units to take away or to add, by number or in plain words."
NOTHING_TO_TAKE = "There is no action unit to take away there, so nothing would change."
_TOKENS = re.compile(r"<[^<>]*>")


class Chat:
    """One face of one picture, and questions about it.

    Args:
        analyzer: whose model, detector and label set are used.
        picture: one picture, in any form that `Analyzer.analyze` takes.
        face: which face, counted from 0, largest first.

    Raises:
        ValueError: not exactly one picture, an unreadable one, one without a face, or without a face of that number.
    """

    def __init__(self, analyzer: Analyzer, picture: Any, face: int = 0) -> None:
        self.analyzer = analyzer
        self._look = analyzer.look(picture, face)
        self._verdict = self._look.reading.verdict
        self._units = self._look.reading.present_units
        self._seed = zlib.crc32(self._look.crop.tobytes())  # as `analyze` has it
        self._before: Intent | None = None
        self._answers: dict[Kind, Callable[[Intent], Iterator[str]]] = {
            "emotion": self._emotion,
            "is_it": self._is_it,
            "sure": self._sure,
            "why": self._why,
            "why_not": self._why_not,
            "units": lambda intent: iter(tell.tell_units(self.reading)),
            "unit": self._unit,
            "strength": self._strength,
            "ground": self._ground,
            "area": self._area,
            "movements": self._movements,
            "describe": self._describe,
            "what_if": self._what_if,
            "what_changes": self._what_changes,
            "absent": lambda intent: iter(tell.tell_absent(self.reading)),
            "strongest": lambda intent: iter(tell.tell_strongest(self.reading)),
            "against": self._against_it,
            "toward": self._toward,
            "sides": self._sides,
            "meaning": self._meaning,
            "quality": lambda intent: iter(tell.tell_doubts(self.reading) or [tell.NO_DOUBTS]),
            "faces": lambda intent: iter([tell.tell_faces(self.faces)]),
            "beyond": self._beyond,
            "help": lambda intent: iter(HELP),
            "refuse": lambda intent: iter([refuse(str(intent.topic))]),
            "unmeasured": lambda intent: iter([NOT_MEASURED[str(intent.topic)]]),
        }

    @property
    def reading(self) -> FaceReading:
        """The numbers that all answers rest on, without an explanation: ask why."""
        return self._look.reading

    @property
    def faces(self) -> int:
        """How many faces the picture has."""
        return self._look.faces

    def ask(self, question: str) -> Iterator[str]:
        """The answer, a sentence at a time, each as soon as it is written and checked.

        Questions about anything but the expression get one sentence that says so. Sentences name no emotion as the
        face's but the reading's, and no action unit as present but those that it shows. "It" may stand for the units
        of the question before.
        """
        intent = understand(question, self._before)
        self._before = intent
        answer = self._answers.get(intent.kind)
        yield from answer(intent) if answer is not None else self._free(question)

    @property
    def _named(self) -> bool:
        return self.reading.emotion is not None

    def _abstention(self) -> str:
        return tell.tell_abstention(self.reading, self.analyzer.min_confidence)

    def _spoken(self, conversation: Conversation, wanted: Wanted) -> Iterator[str]:
        """What the language model answers, as far as it is what is wanted."""
        sentences = speak(self.analyzer.engine, self._look.encoded, conversation, MAX_NEW_TOKENS, self._seed)
        return checked(sentences, wanted)

    def _after_evidence(self, last: str) -> Conversation:
        return evidence_conversation(self._verdict, self._units, self.analyzer.classes, last)

    def _composed(self, write: Callable[[Random], str]) -> list[str]:
        start = f"{self._verdict} {sorted(self._units)} {self._seed}"  # as `evidence.agree` has it
        return [write(Random(f"{start}{attempt or ''}")) for attempt in range(ATTEMPTS)]

    def _emotion(self, intent: Intent) -> Iterator[str]:
        yield from tell.tell_emotion(self.reading) if self._named else [self._abstention()]
        yield from self._shares(intent.emotions)
        if intent.felt:
            yield tell.HONEST

    def _beyond(self, intent: Intent) -> Iterator[str]:
        yield "That is none of the emotions that are told apart here."
        yield from self._emotion(intent)

    def _sure(self, intent: Intent) -> Iterator[str]:
        if self._named:
            yield from tell.tell_sure(self.reading)
        else:
            yield from (self._abstention(), *tell.tell_leading(self.reading))
        yield from self._shares(intent.emotions)

    def _is_it(self, intent: Intent) -> Iterator[str]:
        other = intent.emotions[0]
        if not self._named or other not in self.analyzer.classes:
            yield from self._why_not(intent)
        elif other == self._verdict.emotion:
            yield from ([] if self._verdict.weak else ["Yes."])
            yield from tell.tell_emotion(self.reading)
        else:
            yield "Possibly, but it does not come first." if other == self._verdict.second else "No."
            yield from tell.tell_emotion(self.reading)
            yield from self._against(other)
        if intent.felt:
            yield tell.HONEST

    def _why(self, intent: Intent) -> Iterator[str]:
        if not self._named or (intent.emotions and self._verdict.emotion not in intent.emotions):
            yield from self._why_not(intent)
            return
        asked, encoded = [self._after_evidence(ask("reason"))], self._look.encoded
        (text,) = self.analyzer.engine.generate(encoded, asked, MAX_NEW_TOKENS, seeds=[self._seed])
        # checked as a whole, as `analyze` does, so that one face has one explanation
        yield from sentences_of(agree(text, self._verdict, self._units, self._seed)[0])
        yield from tell.tell_weak(self.reading)

    def _why_not(self, intent: Intent) -> Iterator[str]:
        others = [name for name in intent.emotions if name != self._verdict.emotion]
        if not self._named:
            yield self._abstention()
            yield from self._shares(intent.emotions)
            return
        if intent.emotions and not others:
            yield from tell.tell_emotion(self.reading)
            return
        for other in others or [self._runner_up()]:
            if other in self.analyzer.classes:
                yield from self._against(other)
            else:
                yield self._outside(other)
        yield from tell.tell_weak(self.reading)

    def _against(self, other: str) -> Iterator[str]:
        composed = self._composed(lambda rng: answer_why_not(self._verdict, self._units, other, rng))
        wanted = want_why_not(self._verdict, self._units, other, composed)
        yield from self._spoken(self._after_evidence(ask("why_not", other=other)), wanted)
        yield from self._shares([other])

    def _shares(self, emotions: Sequence[str]) -> Iterator[str]:
        scores = self.reading.emotion_scores
        for name in emotions:
            if not self._named and name == self._verdict.emotion:
                yield f"Possibly it is {name}, with {tell.percent(scores[name])}."
            elif name in scores and name != self._verdict.emotion:
                yield f"The probability of {name} is {tell.percent(scores[name])}."

    def _runner_up(self) -> str:
        scores = self.reading.emotion_scores
        return sorted(scores, key=lambda name: -scores[name])[1]

    def _known(self, intent: Intent) -> Iterator[str]:
        """Sentences about the units that were asked for and that this model does not read."""
        if intent.strange is not None:
            yield f"{intent.strange} is no action unit that FEALLM knows."
        yield from (tell.tell_unread(unit) for unit in intent.units if unit not in self.reading.action_units)

    def _read(self, units: Sequence[str]) -> list[str]:
        return [unit for unit in units if unit in self.reading.action_units]

    def _unit(self, intent: Intent) -> Iterator[str]:
        yield from self._known(intent)
        for unit in self._read(intent.units):
            short = ACTION_UNITS[unit].short
            composed = self._composed(lambda rng, unit=unit: answer_unit(unit, self._units, rng))  # type: ignore[misc]
            wanted = want_unit(unit, self._verdict.emotion, self._units, composed)
            yield from self._spoken(self._after_evidence(ask("unit", unit=short)), wanted)
            yield from self._few([unit])

    def _few(self, units: Sequence[str]) -> list[str]:
        return [tell.FEW_EXAMPLES] if any(self.reading.action_units[unit].low_support for unit in units) else []

    def _strength(self, intent: Intent) -> Iterator[str]:
        yield from self._known(intent)
        if not intent.units and not self._units:
            yield from tell.tell_units(self.reading)
        for unit in self._read(intent.units or list(self._units)):
            yield from tell.tell_strength(unit, self.reading.action_units[unit])

    def _sides(self, intent: Intent) -> Iterator[str]:
        yield from self._strength(intent) if intent.units else self._area(intent) if intent.area else ()
        yield NOT_MEASURED["sides"]

    def _meaning(self, intent: Intent) -> Iterator[str]:
        for unit in intent.units:
            yield tell.tell_meaning(unit)
        yield from self._strength(intent)

    def _ground(self, intent: Intent) -> Iterator[str]:
        yield from self._known(intent)
        look, units = self._look, self._read(intent.units)
        (seen,) = region_evidence(self.analyzer.engine, [look.crop], [look.found], [look.reading], 1)
        for unit in units:
            yield self._composed(lambda rng, unit=unit: answer_unit(unit, self._units, rng))[0]  # type: ignore[misc]
            if unit in self._units:
                yield from tell.tell_ground(unit, seen.action_units[unit])
                yield from tell.tell_pixels(seen.action_units[unit]) if intent.pixels else ()
            else:
                yield tell.tell_place(unit)
            yield from self._few([unit])

    def _area(self, intent: Intent) -> Iterator[str]:
        area = str(intent.area)
        shown = [unit for unit in self._units if unit in AREAS[area]]
        composed = self._composed(lambda rng: answer_area(area, self._units, rng))
        if not shown:
            yield composed[0]
            return
        wanted = want_units(shown, self._verdict.emotion, self._units, composed)
        yield from self._spoken(self._after_evidence(ask("area", area=area)), wanted)
        yield from tell.tell_few(self.reading, shown)

    def _movements(self, intent: Intent) -> Iterator[str]:
        composed = self._composed(lambda rng: describe_units(self._units, rng))
        if not self._units:
            yield composed[0]
            return
        wanted = want_units(list(self._units), self._verdict.emotion, self._units, composed)
        yield from self._spoken(question("describe_aus"), wanted)
        yield from tell.tell_few(self.reading, list(self._units))

    def _describe(self, intent: Intent) -> Iterator[str]:
        if not self._named:
            yield from self._movements(intent)
            yield self._abstention()
            return
        emotion = self._verdict.emotion
        composed = self._composed(lambda rng: describe_expression(emotion, self._units, rng))
        yield from self._spoken(question("describe_expression"), want_description(emotion, self._units, composed))
        yield from tell.tell_weak(self.reading)

    def _what_if(self, intent: Intent) -> Iterator[str]:
        yield from self._known(intent)
        if intent.every:
            shown = self._units if intent.area is None else [unit for unit in self._units if unit in AREAS[intent.area]]
            without, adding = tuple(shown), tuple[str, ...]()
            yield from () if without else (NOTHING_TO_TAKE,)
        else:
            without, adding = tuple(self._read(intent.without)), tuple(self._read(intent.adding))
            yield from () if intent.units or intent.strange else (NAME_UNITS,)
        yield from measured.tell_change_of(self.analyzer.engine, self._look, (without, adding))

    def _against_it(self, intent: Intent) -> Iterator[str]:
        yield from [] if self._named else [self._abstention()]
        yield from measured.tell_opposing(self.analyzer.engine, self._look)

    def _toward(self, intent: Intent) -> Iterator[str]:
        wanted = [name for name in intent.emotions if name != self._verdict.emotion]
        if not wanted and self._named:
            yield from tell.tell_emotion(self.reading)
        yield from [] if self._named else [self._abstention()]
        for other in wanted:
            if other in self.analyzer.classes:
                yield from measured.tell_toward(self.analyzer.engine, self._look, other)
            else:
                yield self._outside(other)

    def _outside(self, other: str) -> str:
        return f"{capital(other)} is not among the emotions of the label set {self.reading.label_set}."

    def _what_changes(self, intent: Intent) -> Iterator[str]:
        yield from [] if self._named else [self._abstention()]
        yield from tell.tell_turning(find_turning(self.analyzer.engine, self._look.encoded, self.reading))

    def _free(self, text: str) -> Iterator[str]:
        """A question that no rule knows: for a language model that may know more than its training questions, which
        the packaged one does not."""
        if not self._named or not text.strip() or self.analyzer.engine.info.model == PACKAGED_NAME:
            yield NOT_UNDERSTOOD
            return
        plain = _TOKENS.sub(" ", text)[:LONGEST_QUESTION].encode("utf-8", "replace").decode()
        wanted = want_anything(self._verdict, self._units, [NOT_UNDERSTOOD])
        yield from self._spoken(self._after_evidence(plain), wanted)
