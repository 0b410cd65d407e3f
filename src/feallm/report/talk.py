"""The `chat` verb: one line with the verdict, then questions about one face and their answers as they come."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from feallm.analyze import Chat, FaceReading
from feallm.facs import ACTION_UNITS
from feallm.report.terminal import printable
from feallm.report.wishes import ReaderWishes, WishError
from feallm.report.words import no_verdict, percent

FAREWELLS = frozenset({"quit", "exit", "bye", "q"})
PROMPT = "> "
INVITATION = 'Ask about this face; "help" says what can be asked, "quit" ends.'


@dataclass(frozen=True)
class FaceWishes:
    """Which face of which photo, and who reads it."""

    photo: str
    face: int = 0
    reader: ReaderWishes = field(default_factory=ReaderWishes)


def chat(wishes: FaceWishes, questions: Sequence[str], out: Console) -> None:
    """Answer `questions`, a line each; without any, ask for them until the input ends or says farewell.

    Raises WishError where the photo has no such face, or the model cannot be loaded.
    """
    analyzer = wishes.reader.analyzer()
    try:
        talk = Chat(analyzer, wishes.photo, wishes.face)
    except ValueError as error:
        raise WishError(str(error)) from error
    for question in questions:
        _answer(talk, question, out)
    if not questions:
        _converse(talk, out)


def headline(reading: FaceReading, faces: int) -> str:
    """ "photo.jpg, face 0 of 2: happiness 93%, from AU6, AU12 and AU25"."""
    which = f", face {reading.face_id} of {faces}" if faces > 1 else ""
    verdict = (
        no_verdict(reading) if reading.emotion is None else f"{reading.emotion} {percent(reading.confidence or 0)}"
    )
    units = ", ".join(ACTION_UNITS[unit].short for unit in reading.present_units) or "no action units"
    return printable(f"{reading.input}{which}: {verdict}; {units}")


def _converse(talk: Chat, out: Console) -> None:
    out.print(Text(headline(talk.reading, talk.faces), "bold"), soft_wrap=True)
    human = sys.stdin.isatty()
    if human:
        out.print(Text(INVITATION, "dim"), soft_wrap=True)
    while True:
        try:
            question = input(PROMPT if human else "").strip()
        except EOFError:
            return
        if question.lower().strip(" .!") in FAREWELLS:
            return
        if question:
            _answer(talk, question, out)


def _answer(talk: Chat, question: str, out: Console) -> None:
    """The sentences on one line, each printed as soon as it is there."""
    for number, sentence in enumerate(talk.ask(question)):
        out.print(Text(("" if number == 0 else " ") + printable(sentence)), end="", soft_wrap=True)
    out.print()
