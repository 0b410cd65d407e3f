"""Action units by FEALLM's head, and everything else from the FACS tables alone: what prototypes are worth."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from feallm.bench.items import KINDS, Request, Response
from feallm.bench.responders.composed import compose
from feallm.bench.responders.crops import crops
from feallm.bench.responders.feallm import open_detector, open_engine, trained_on_of
from feallm.bench.responders.head import read_head
from feallm.bench.responders.responder import Options, ResponderInfo
from feallm.facs.emotions import EMOTIONS
from feallm.facs.prototypes import prototype_score


class Prototypes:
    """The emotion is the class whose prototype fits the action units best, the first of equals."""

    def __init__(self, what: str, options: Options) -> None:
        self.engine, self.detector, self.options = open_engine(what, options), open_detector(options), options
        info = self.engine.info
        self.info = ResponderInfo(
            name="prototypes",
            model=info.model,
            revision=info.revision,
            kinds=frozenset(KINDS),
            decoding={"method": "action units by the calibrated head, emotion by facs.prototypes.prototype_score"},
            image_size=str(info.face_size),
            trained_on=options.trained_on if options.trained_on is not None else trained_on_of(what),
            note="the emotion head is not used; texts are composed from the FACS tables",
        )

    def respond(self, requests: Sequence[Request]) -> list[Response]:
        faces, responses = crops(requests, self.engine.info.face_size, self.detector)
        if faces:
            asked = [replace(requests[place], label_set="", classes=()) for place, _ in faces]
            cut = [face for _, face in faces]
            read = read_head(self.engine, self.engine.encode(cut), cut, asked, self.options)
            for (place, _), numbers in zip(faces, read, strict=True):
                responses[place] = _answer(requests[place], numbers)
        return [responses[place] for place in range(len(requests))]


def open_prototypes(what: str, options: Options) -> Prototypes:
    """`what`: the checkpoint folder or hub id whose action units are used ("": the packaged one)."""
    return Prototypes(what, options)


def _answer(request: Request, numbers: Response) -> Response:
    present = numbers.present or ()
    classes = request.classes or EMOTIONS
    emotion = max(classes, key=lambda name: prototype_score(name, present))
    if request.kind in ("emotion", "aus"):
        return replace(numbers, how="baseline", emotion=emotion, scores=None)
    strengths = {unit: (numbers.intensity or {})[unit] for unit in present}
    return Response(how="baseline", text=compose(request.kind, emotion, strengths, Random(request.sample)))
