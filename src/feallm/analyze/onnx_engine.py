"""The engine without torch: an exported checkpoint through ONNX Runtime, on the processor.

The torch engine is the reference; `feallm export` compares the two. Shapes: B faces, A action units, E classes of a
label set, K interventions, n tokens of the prefix, T text width, V words of the vocabulary.
"""

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from feallm.analyze.chat_text import ChatText, Pieces
from feallm.analyze.checkpoints import locate
from feallm.analyze.engine import Conversation, EngineInfo, Scores
from feallm.analyze.errors import CheckpointError
from feallm.analyze.graph_files import open_graph, useful_threads
from feallm.analyze.pixels import Preprocessing, to_pixels
from feallm.analyze.sampling import Noise
from feallm.analyze.text_graph import Passage, Speech, shares
from feallm.analyze.weight_files import fingerprint

Floats = NDArray[np.float32]


class HeadSettings(BaseModel):
    """What is read of a config's `head_config`: the outputs and their calibration (see `FeallmHeadConfig`)."""

    enabled: bool = True
    action_units: tuple[str, ...]
    label_sets: dict[str, tuple[str, ...]]
    default_label_set: str
    low_support: frozenset[str] = frozenset()
    temperatures: dict[str, float] | None = None
    emotion_biases: dict[str, list[float]] | None = None
    au_scales: dict[str, float] | None = None
    au_biases: dict[str, float] | None = None
    au_thresholds: dict[str, float] | None = None


class Settings(BaseModel):
    """What is read of config.json."""

    model_type: str
    image_size: int
    image_token_id: int
    clue_token_id: int
    reading_token_id: int
    head_config: HeadSettings
    text_config: dict[str, Any]
    revision_note: str = ""


@dataclass(frozen=True)
class Seen:
    """What the graph says of B faces: its outputs by name (`feallm.export.parts.Seeing`)."""

    outputs: dict[str, Floats]

    @property
    def prefix(self) -> Floats:
        """V, F_local and F_read [B, n, T]."""
        return self.outputs["prefix"]

    def of(self, kind: str) -> dict[str, Floats]:
        """The outputs of a kind, `picture` or `emotion`, by label set."""
        return {name.partition(".")[2]: each for name, each in self.outputs.items() if name.startswith(f"{kind}.")}


class OnnxEngine:
    """`Engine` over ONNX Runtime. One instance may be used from one thread at a time."""

    def __init__(self, model: str | os.PathLike[str] | None = None) -> None:
        folder, name = locate(model)
        self.config = _settings(folder)
        head = self.config.head_config
        mark = fingerprint(folder)
        self._preprocessing = Preprocessing.of(folder, self.config.image_size)
        self._table = self._preprocessing.table()
        self._chat = ChatText.of(folder)
        self._see, self._text = (open_graph(folder, graph, mark) for graph in ("see", "text"))
        self._judge, self._embed = (open_graph(folder, graph, mark, threads=1) for graph in ("judge", "embed"))
        self._placeholders = [self.config.image_token_id, self.config.clue_token_id, self.config.reading_token_id]
        self._speech = Speech(self._look_up, _end_ids(folder, self.config), self._placeholders)
        self._text_alone = cache(lambda: open_graph(folder, "text", mark, threads=1))
        units = head.action_units
        self._scale = np.array([(head.au_scales or {}).get(unit, 1.0) for unit in units], np.float32)
        self._bias = np.array([(head.au_biases or {}).get(unit, 0.0) for unit in units], np.float32)
        first = head.default_label_set
        self.info = EngineInfo(
            model=name,
            revision=self.config.revision_note,
            engine=f"onnxruntime {onnxruntime.__version__}",
            device="cpu",
            face_size=self.config.image_size,
            action_units=units,
            thresholds={unit: float((head.au_thresholds or {}).get(unit, 0.5)) for unit in units},
            low_support=head.low_support,
            label_sets={key: head.label_sets[key] for key in sorted(head.label_sets, key=lambda k: (k != first, k))},
            default_label_set=first,
            preprocessing={"face_size": self.config.image_size, "grayscale": self._preprocessing.grayscale},
        )

    def encode(self, faces: Sequence[NDArray[np.uint8]]) -> Seen:
        size = self.config.image_size
        wrong = [face.shape for face in faces if face.shape != (size, size, 3)]
        if wrong:
            raise ValueError(f"faces must be [{size}, {size}, 3], got {list(wrong[0])}: cut them with align_face")
        pixels = to_pixels(faces, self._table, self._preprocessing.grayscale)
        names = [each.name for each in self._see.get_outputs()]
        return Seen(dict(zip(names, self._see.run(names, {"pixel_values": pixels}), strict=True)))

    def pick(self, encoded: Seen, rows: Sequence[int]) -> Seen:
        return Seen({name: each[list(rows)] for name, each in encoded.outputs.items()})

    def scores(self, encoded: Seen) -> Scores:
        logits = encoded.outputs["au_logits"] * self._scale + self._bias
        return Scores(
            presence=np.exp(-np.logaddexp(0, -logits)),
            intensity=encoded.outputs["au_intensity"],
            emotions=self._calibrated(encoded.of("emotion")),
        )

    def judge(self, encoded: Seen, evidence: Floats) -> dict[str, Floats]:
        read = encoded.outputs["evidence"][:, None]
        changed = np.where(np.isnan(evidence), read, evidence).astype(np.float32)
        names = [each.name for each in self._judge.get_outputs()]
        pictures = {f"picture.{name}": logits for name, logits in encoded.of("picture").items()}
        judged = self._judge.run(names, {"evidence": changed, **pictures})
        return self._calibrated({name.partition(".")[2]: each for name, each in zip(names, judged, strict=True)})

    def _calibrated(self, logits: dict[str, Floats]) -> dict[str, Floats]:
        head = self.config.head_config
        temperatures, biases = head.temperatures or {}, head.emotion_biases or {}
        found = {}
        for name, values in logits.items():
            bias = np.array(biases.get(name, 0.0), np.float32)
            found[name] = np.exp(_log_softmax((values + bias) / np.float32(temperatures.get(name, 1.0))))
        return found

    def _prompt(self, encoded: Seen, conversations: Sequence[Conversation]) -> tuple[Floats, NDArray[np.int64]]:
        """Conversations -> embeddings [B, L, T] with each face's prefix in place, and mask [B, L]."""
        texts = [self._preprocessing.placeholders + self._chat.render(turns) for turns in conversations]
        ids, mask = self._chat.padded(texts)
        embeds = self._look_up(ids)
        places = np.isin(ids, self._placeholders)
        faces, count, width = encoded.prefix.shape
        if len(ids) != faces or (places.sum(axis=1) != count).any():
            raise ValueError(
                f"{faces} faces give {count} tokens each, the {len(ids)} texts have {places.sum(axis=1).tolist()} "
                "placeholders: give one conversation a face, without placeholders of its own"
            )
        embeds[places] = encoded.prefix.reshape(-1, width)
        return embeds, mask

    def _look_up(self, ids: NDArray[np.int64]) -> Floats:
        (embeds,) = self._embed.run(["embeds"], {"input_ids": ids})
        found: Floats = embeds
        return found

    def generate(
        self,
        encoded: Seen,
        conversations: Sequence[Conversation],
        max_new_tokens: int,
        *,
        seeds: Sequence[int] | None = None,
        on_text: Callable[[str], None] | None = None,
    ) -> list[str]:
        if max_new_tokens < 1:
            raise ValueError(f"max_new_tokens must be 1 or more, got {max_new_tokens}")
        if on_text is not None and len(conversations) != 1:
            raise ValueError(f"on_text follows one conversation, not {len(conversations)}")
        pieces = None if on_text is None else Pieces(self._chat, on_text)
        noise = [None] * len(conversations) if seeds is None else [Noise(seed) for seed in seeds]
        embeds, mask = self._prompt(encoded, conversations)
        take = None if pieces is None else pieces.take

        def speak(session: onnxruntime.InferenceSession, rows: slice) -> list[list[int]]:
            passage = Passage.of(session, len(noise[rows]))
            first = passage.read(embeds[rows], mask[rows])[:, -1]
            return self._speech.answers(passage, first, noise[rows], max_new_tokens, take)

        parts = shares(len(conversations), useful_threads())
        if len(parts) == 1:
            answers = speak(self._text, parts[0])
        else:  # parts of a batch beside each other keep the processor busier than its cores inside one small product
            alone = self._text_alone()
            with ThreadPoolExecutor(len(parts)) as pool:
                answers = [each for part in pool.map(lambda rows: speak(alone, rows), parts) for each in part]
        if pieces is not None:
            pieces.end()
        return [self._chat.text(answer).strip() for answer in answers]

    def score_labels(self, encoded: Seen, conversations: Sequence[Conversation], labels: Sequence[str]) -> Floats:
        prefix = Passage.of(self._text, len(conversations))
        first = prefix.read(*self._prompt(encoded, conversations))
        columns = []
        for label in labels:
            ids = np.array(self._chat.ids(label), np.int64)
            row = np.repeat(ids[None], len(conversations), axis=0)
            later = prefix.fork().read(self._look_up(row), kept=range(len(ids)))
            logs = _log_softmax(np.concatenate([first, later[:, :-1]], axis=1))
            columns.append(logs[:, np.arange(len(ids)), ids].sum(axis=1))
        return np.stack(columns, axis=1)


def _settings(folder: Path) -> Settings:
    path = folder / "config.json"
    try:
        found = Settings.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path} is no FEALLM's config ({reason}): copy the checkpoint again") from error
    if found.model_type != "feallm":
        raise CheckpointError(f"{folder} holds a {found.model_type!r} model, not a FEALLM")
    if not found.head_config.enabled:
        raise CheckpointError(f"{folder} has no AU-aware head, which every number is read from: train one with it")
    return found


def _end_ids(folder: Path, config: Settings) -> frozenset[int]:
    """The tokens that end an answer: generation_config.json's, else the language model's."""
    path = folder / "generation_config.json"
    try:
        noted = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}): copy the checkpoint again") from error
    ends = noted.get("eos_token_id", config.text_config.get("eos_token_id"))
    return frozenset(ends if isinstance(ends, list) else [] if ends is None else [ends])


def _log_softmax(values: Floats) -> Floats:
    shifted = values - values.max(axis=-1, keepdims=True)
    logs: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logs
