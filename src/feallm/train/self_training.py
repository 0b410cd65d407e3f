"""Rejection sampling: answers of the model's own, kept where every reward verifies them, as records to learn from.

A stage of kind "conversations" with a block `self_training` learns from these instead of composed answers.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import torch

from feallm.analyze.torch_engine import TorchEngine
from feallm.data.records import Claims, Record, Turn
from feallm.facs.answers import read_answer
from feallm.facs.causes import causes
from feallm.train.asked import Asked
from feallm.train.recipe import SelfTrainingRecipe
from feallm.train.rewards import verified
from feallm.train.views import Views

log = logging.getLogger(__name__)
FILE = "own_answers.jsonl"


def sample_answers(
    engine: TorchEngine, views: Views, asked: Sequence[Asked], settings: SelfTrainingRecipe, seed: int, batch: int = 64
) -> Iterator[tuple[Asked, list[str]]]:
    """Each question with `settings.answers` answers, sampled as `analyze` samples. Same seed, same answers."""
    rng = Random(seed)
    for start in range(0, len(asked), batch):
        part = asked[start : start + batch]
        seen = views.features(torch.tensor([each.row for each in part]), engine.device)
        conversations = [list(each.conversation) for each in part]
        rounds = [
            engine.generate(
                seen, conversations, settings.max_completion_length, seeds=[rng.getrandbits(32) for _ in part]
            )
            for _ in range(settings.answers)
        ]
        yield from zip(part, map(list, zip(*rounds, strict=True)), strict=True)


def verified_records(
    engine: TorchEngine, views: Views, asked: Sequence[Asked], settings: SelfTrainingRecipe, seed: int
) -> list[Record]:
    """A record of each verified answer, at most `settings.keep` different ones to a question.

    Raises ValueError where none is verified: there would be nothing to learn.
    """
    records, sampled = [], 0
    for each, texts in sample_answers(engine, views, asked, settings, seed):
        sampled += len(texts)
        good = [text for text in dict.fromkeys(texts) if verified(text, each.truth, settings.thresholds)]
        records += [as_record(each, text) for text in good[: settings.keep]]
    log.info("%d of %d sampled answers are verified and kept", len(records), sampled)
    if not records:
        raise ValueError(
            f"none of {sampled} sampled answers reaches the thresholds: lower them in self_training.thresholds, sample "
            "more answers, or train the language model further first"
        )
    return records


def as_record(asked: Asked, text: str) -> Record:
    """The conversation with the answer; what was told before the last question is given. `face` is the view's row."""
    contents = [turn["content"] for turn in asked.conversation] + [text]
    turns = [
        Turn(question, answer, _claims(answer, asked.truth.emotion))
        for question, answer in zip(contents[::2], contents[1::2], strict=True)
    ]
    return Record(str(asked.row), asked.truth.family, tuple(turns), given=len(turns) - 1)


def _claims(text: str, emotion: str) -> Claims:
    answer = read_answer(text)
    return Claims(answer.emotion, answer.aus, answer.denied_aus, causes(text, emotion))


def own_records(
    path: Path, engine: TorchEngine, views: Views, asked: Sequence[Asked], settings: SelfTrainingRecipe, seed: int
) -> list[Record]:
    """The verified records at `path`, sampled and written there first where it does not exist: a resumed stage learns
    from the same ones."""
    if not path.is_file():
        records = verified_records(engine, views, asked, settings, seed)
        lines = "".join(json.dumps(asdict(record), ensure_ascii=False) + "\n" for record in records)
        part = path.with_suffix(".part")
        part.write_text(lines, encoding="utf-8")
        part.replace(path)
    return list(read_records(path))


def read_records(path: Path) -> Iterator[Record]:
    """The records that `own_records` wrote."""
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            raw = json.loads(line)
            turns = tuple(
                Turn(turn["question"], turn["answer"], Claims(**{k: _tuple(v) for k, v in turn["claims"].items()}))
                for turn in raw["turns"]
            )
            yield Record(raw["face"], raw["family"], turns, raw["given"])


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
