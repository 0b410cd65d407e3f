"""What became of an item: the answer read from a prediction, or why there is none. Nothing is mapped to a class."""

import re
from dataclasses import dataclass
from typing import Literal

from feallm.bench.items import Item, Response
from feallm.facs.answers import Answer, read_answer

Fate = Literal["answered", "unparsed", "out_of_vocabulary", "refused", "no_face", "unreadable", "missing"]
FATES: tuple[Fate, ...] = (
    "answered", "unparsed", "out_of_vocabulary", "refused", "no_face", "unreadable", "missing",
)  # fmt: skip
_REFUSED = re.compile(
    r"\b(?:sorry|apologi[sz]e|(?:can|could)(?:not|n['’]t)|unable to|not able to|won['’]t|decline to)\b"
    r"[^.!?]{0,80}\b(?:help|assist|analy[sz]e|identify|determine|infer|interpret|describe|provide|comment|judge)\b"
    r"|\b(?:i|we) (?:must|have to) decline\b|\bas an ai\b[^.!?]{0,80}\b(?:cannot|can['’]t|unable)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Outcome:
    """An item with what was answered to it.

    `emotion` is set where `fate` of an emotion question is "answered"; `present` where action units were named, or
    their absence ("answered" to "aus"). Texts are "answered" where there is one. `response` is None where
    it is missing.
    """

    item: Item
    fate: Fate
    response: Response | None = None
    emotion: str | None = None
    present: tuple[str, ...] | None = None
    read: Answer | None = None

    @property
    def text(self) -> str:
        return (self.response.text if self.response is not None else None) or ""


def outcome(item: Item, response: Response | None, classes: tuple[str, ...] = ()) -> Outcome:
    """Read a response. `classes` is the closed set of the item's task; an answer outside it is out of vocabulary."""
    if response is None or response.status == "failed":
        return Outcome(item, "missing", response)
    if response.status != "ok":
        return Outcome(item, response.status, response)
    if item.kind == "emotion" and response.emotion is not None:
        inside = response.emotion in classes
        return Outcome(
            item, "answered" if inside else "out_of_vocabulary", response, response.emotion if inside else None
        )
    if item.kind == "aus" and response.present is not None:
        return Outcome(item, "answered", response, present=response.present)
    text = (response.text or "").strip()
    if not text:
        return Outcome(item, "unparsed", response)
    read = read_answer(text, classes if item.kind == "emotion" else None)
    if item.kind == "emotion":
        return _emotion(item, response, text, read)
    if item.kind == "aus":
        if read.aus or read.none_aus or read.denied_aus:
            return Outcome(item, "answered", response, present=read.aus, read=read)
        return Outcome(item, "refused" if refuses(text) else "unparsed", response, read=read)
    return Outcome(
        item, "refused" if refuses(text) and not (read.emotions or read.aus) else "answered", response, read=read
    )


def _emotion(item: Item, response: Response, text: str, read: Answer) -> Outcome:
    if read.emotion is not None:
        return Outcome(item, "answered", response, read.emotion, read=read)
    if refuses(text):
        return Outcome(item, "refused", response, read=read)
    outside = bool(read.out_of_set_emotions) and not read.emotions
    return Outcome(item, "out_of_vocabulary" if outside else "unparsed", response, read=read)


def refuses(text: str) -> bool:
    """Whether a text declines to answer."""
    return _REFUSED.search(text) is not None
