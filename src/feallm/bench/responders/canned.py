"""Answers that are given beforehand: for tests, worked examples, and answers collected by other means."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from feallm.bench.items import KINDS, Request, Response, digest
from feallm.bench.responders.responder import Options, ResponderError, ResponderInfo
from feallm.settings import Strict


class CannedAnswer(Strict):
    """A line of the file: the text that answers a sample."""

    sample: str
    text: str


class Canned:
    """One text for every request, or a text a sample; a sample without one is "unreadable" and says so."""

    def __init__(self, model: str, revision: str, texts: Mapping[str, str] | str, options: Options) -> None:
        self.texts = texts
        self.info = ResponderInfo(
            name="canned",
            model=model,
            revision=revision,
            kinds=frozenset(KINDS),
            decoding={"method": "answers given beforehand"},
            trained_on=options.trained_on,
            independent=True,
            note="no model is asked",
        )

    def respond(self, requests: Sequence[Request]) -> list[Response]:
        return [self._respond(request) for request in requests]

    def _respond(self, request: Request) -> Response:
        text = self.texts if isinstance(self.texts, str) else self.texts.get(request.sample)
        if text is None:
            return Response("unreadable", error=f"no canned answer to {request.sample}")
        return Response(how="generation", text=text)


def open_canned(what: str, options: Options) -> Canned:
    """`what`: a JSONL file of {"sample", "text"}, or the text itself ("canned:The face is happy.").

    Raises ResponderError: nothing given, a file that is not there, or a line of another form.
    """
    if not what:
        raise ResponderError("canned needs its answers: canned:ANSWERS.jsonl, or a text such as canned:Happiness.")
    if not what.endswith(".jsonl"):
        return Canned("one text", digest(what), what, options)
    path = Path(what)
    if not path.is_file():
        raise ResponderError(
            f'no canned answers at {path}: expected a JSONL file with "sample" and "text" in each line'
        )
    raw = path.read_bytes()
    texts: dict[str, str] = {}
    for number, line in enumerate(raw.decode("utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            answer = CannedAnswer.model_validate_json(line)
        except ValidationError as error:
            raise ResponderError(
                f'{path}, line {number}: expected {{"sample": "…", "text": "…"}} ({error.errors()[0]["msg"]})'
            ) from error
        if answer.sample in texts:
            raise ResponderError(f"{path}, line {number}: {answer.sample} is answered twice; keep one of the lines")
        texts[answer.sample] = answer.text
    return Canned(path.name, digest(raw), texts, options)
