"""What FEALLM's language model says by itself: no head, no check."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feallm.analyze.engine import Conversation, Engine
from feallm.analyze.evidence import question
from feallm.bench.items import Request, Response
from feallm.bench.responders.responder import Options

Faces = Sequence[NDArray[np.uint8]]


def ask_directly(
    engine: Engine, encoded: Any, faces: Faces, asked: Sequence[Request], options: Options
) -> list[Response]:
    """Each request's question, by itself."""
    return _answer(engine, encoded, [_asks(request) for request in asked], asked, options)


def ask_after_evidence(
    engine: Engine, encoded: Any, faces: Faces, asked: Sequence[Request], options: Options
) -> list[Response]:
    """Each request's question after the model's own answers to what comes before it in the product's order.

    That order is the one of `analyze.evidence.evidence_conversation`: action units, the emotion, its grounds, the
    reason. Here the model fills it in itself. Action units in words come after their list, the expression in words
    after the emotion.
    """
    kind = asked[0].kind
    if kind == "aus":
        return ask_directly(engine, encoded, faces, asked, options)
    turns = _continued(engine, encoded, [question("aus")] * len(asked), options)
    if kind in ("describe_emotion", "reason"):
        classes = asked[0].classes or engine.info.label_sets[engine.info.default_label_set]
        turns = [[*turn, *question("emotion", classes)] for turn in turns]
        if options.label_scoring:
            winners = _likelihoods(engine, encoded, turns, classes).argmax(axis=1)
            turns = [_said(turn, label(classes[winner])) for turn, winner in zip(turns, winners, strict=True)]
        else:
            turns = _continued(engine, encoded, turns, options)
    if kind == "reason":
        turns = _continued(engine, encoded, [[*turn, *question("grounds")] for turn in turns], options)
    conversations = [[*turn, *_asks(request)] for turn, request in zip(turns, asked, strict=True)]
    return _answer(engine, encoded, conversations, asked, options)


def label(emotion: str) -> str:
    """A class as the language model was trained to answer it: "Happiness."."""
    return f"{emotion.capitalize()}."


def _answer(
    engine: Engine, encoded: Any, conversations: list[Conversation], asked: Sequence[Request], options: Options
) -> list[Response]:
    first = asked[0]
    if first.kind != "emotion" or not first.classes or not options.label_scoring:
        texts = engine.generate(encoded, conversations, options.max_new_tokens)
        return [Response(how="generation", text=text) for text in texts]
    logs = _likelihoods(engine, encoded, conversations, first.classes).astype(np.float64)
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return [
        Response(
            how="log-likelihood",
            emotion=first.classes[int(row.argmax())],
            scores={name: float(share) for name, share in zip(first.classes, row, strict=True)},
        )
        for row in shares
    ]


def _likelihoods(
    engine: Engine, encoded: Any, conversations: Sequence[Conversation], classes: Sequence[str]
) -> NDArray[np.float32]:
    return engine.score_labels(encoded, conversations, [label(name) for name in classes])


def _continued(
    engine: Engine, encoded: Any, conversations: Sequence[Conversation], options: Options
) -> list[Conversation]:
    texts = engine.generate(encoded, conversations, options.max_new_tokens)
    return [_said(turn, text) for turn, text in zip(conversations, texts, strict=True)]


def _said(conversation: Conversation, text: str) -> Conversation:
    return [*conversation, {"role": "assistant", "content": text}]


def _asks(request: Request) -> Conversation:
    return [{"role": "user", "content": request.question}]
