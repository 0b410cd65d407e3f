"""FEALLM as the model under test, in three modes.

- head: the product. Emotions and action units are the calibrated head's; texts are the product's own explanation and
  descriptions, checked against those numbers and mended.
- free: the language model alone, asked each question directly, greedy, unchecked.
- evidence: the language model alone, which first lists the action units, then names the emotion, then its grounds, as
  far as the question rests on them; each answer goes into the conversation before the next question.

In free and evidence the emotion is the class whose name is the likeliest answer (`Options.label_scoring`), or what is
read from a generated answer.
"""

from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from feallm.analyze import opening
from feallm.analyze.engine import TEMPERATURE, TOP_P, Engine
from feallm.analyze.errors import CheckpointError
from feallm.bench.items import KINDS, Request, Response
from feallm.bench.responders.crops import crops
from feallm.bench.responders.head import NUMBERS, read_head, write_words
from feallm.bench.responders.responder import Options, ResponderError, ResponderInfo
from feallm.bench.responders.unaided import ask_after_evidence, ask_directly
from feallm.faces import Detector, make_detector

Mode = Literal["head", "free", "evidence"]
Answer = Callable[[Engine, Any, Sequence[NDArray[np.uint8]], Sequence[Request], Options], list[Response]]


class FeallmResponder:
    """A checkpoint in one mode. `respond` raises ResponderError where it has none of the task's classes."""

    def __init__(
        self,
        mode: Mode,
        engine: Engine,
        detector: Detector,
        options: Options,
        trained_on: tuple[str, ...] | None = None,
    ) -> None:
        self.mode, self.engine, self.detector, self.options = mode, engine, detector, options
        self.info = ResponderInfo(
            name=f"feallm-{mode}",
            model=engine.info.model,
            revision=engine.info.revision,
            kinds=frozenset(KINDS),
            decoding=_decoding(mode, options),
            image_size=str(engine.info.face_size),
            trained_on=trained_on,
            note=_note(mode, engine, options),
        )

    def respond(self, requests: Sequence[Request]) -> list[Response]:
        faces, responses = crops(requests, self.engine.info.face_size, self.detector)
        groups: dict[tuple[Any, ...], list[tuple[int, NDArray[np.uint8]]]] = {}
        for place, face in faces:
            request = requests[place]
            kind = NUMBERS if self.mode == "head" and request.kind in NUMBERS else request.kind
            groups.setdefault((kind, request.label_set, request.classes), []).append((place, face))
        for group in groups.values():
            places, cut = [place for place, _ in group], [face for _, face in group]
            answer = _answer(self.mode, requests[places[0]])
            asked = [requests[place] for place in places]
            answered = answer(self.engine, self.engine.encode(cut), cut, asked, self.options)
            responses |= dict(zip(places, answered, strict=True))
        return [responses[place] for place in range(len(requests))]


def open_feallm(mode: Mode, what: str, options: Options) -> FeallmResponder:
    """FEALLM from a checkpoint folder or a hub id (`what`; "" is the packaged one).

    Raises ResponderError: no such checkpoint, detector or device.
    """
    trained_on = options.trained_on if options.trained_on is not None else trained_on_of(what)
    return FeallmResponder(mode, open_engine(what, options), open_detector(options), options, trained_on)


def open_engine(what: str, options: Options) -> Engine:
    """The engine of a checkpoint: ONNX Runtime where it was exported, else torch (see `analyze.opening`).

    Raises ResponderError where it cannot be loaded.
    """
    try:
        return opening.open_engine(what or None, options.device)
    except (CheckpointError, ValueError) as error:
        raise ResponderError(str(error)) from error


def open_detector(options: Options) -> Detector:
    """The detector of `Options`. Raises ResponderError where there is no such one."""
    try:
        return make_detector(options.detector)
    except (ValueError, FileNotFoundError, ImportError) as error:
        raise ResponderError(str(error)) from error


class _Source(BaseModel):
    source: str
    split: str = "train"


class _Data(BaseModel):
    train: list[_Source]


class _Recipe(BaseModel):
    data: _Data


class _Learned(BaseModel):
    sources: list[_Source]


def trained_on_of(what: str) -> tuple[str, ...] | None:
    """The sources and splits that `data.json` or the recipe beside a checkpoint's weights names, None without them.

    It is the recipe of the last run: what weights it began from have seen, it does not say.
    """
    folder = Path(what) if what else Path(str(resources.files("feallm") / "checkpoints" / "tiny"))
    try:
        if (folder / "data.json").is_file():  # it has the sources of stores as well
            sources = _Learned.model_validate_json((folder / "data.json").read_bytes()).sources
        else:
            told = yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8"))
            sources = _Recipe.model_validate(told).data.train
    except (OSError, yaml.YAMLError, ValidationError):
        return None
    return tuple(dict.fromkeys(f"{each.source}:{each.split}" for each in sources))


def _answer(mode: Mode, request: Request) -> Answer:
    if mode == "head":
        return read_head if request.kind in NUMBERS else write_words
    return ask_directly if mode == "free" else ask_after_evidence


def _decoding(mode: Mode, options: Options) -> dict[str, Any]:
    tokens = {"max_new_tokens": options.max_new_tokens}
    if mode == "head":
        sampled = {"method": "sampling, seeded by the face; checked", "temperature": TEMPERATURE, "top_p": TOP_P}
        texts: dict[str, Any] = {kind: {**sampled, **tokens} for kind in KINDS if kind not in NUMBERS}
        return {"emotion": "calibrated head", "aus": "calibrated head", **texts}
    greedy = {"method": "greedy", **tokens}
    scored = {"method": 'log-likelihood of each class as the answer ("Happiness.")'}
    others: dict[str, Any] = {kind: greedy for kind in KINDS if kind != "emotion"}
    return {"emotion": scored if options.label_scoring else greedy, **others}


def _note(mode: Mode, engine: Engine, options: Options) -> str:
    info = engine.info
    if mode == "head":
        return (
            f"emotions: the head's output for the task's label set where the checkpoint has it "
            f"({', '.join(info.label_sets)}), else for {info.default_label_set}, restricted to the task's classes and "
            "renormalised; action units: the head's, present from their calibrated thresholds; texts: the product's "
            "own, checked against these numbers and mended"
        )
    how = (
        "asked directly"
        if mode == "free"
        else "after its own list of action units (for the expression and its reasons, its own verdict too)"
    )
    scoring = "the likeliest class" if options.label_scoring else "read from the generated answer"
    return f"the language model alone, {how}, unchecked; emotions: {scoring}"
