"""The reference engine: any FEALLM checkpoint through PyTorch and transformers."""

import copy
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor
from transformers import TextStreamer
from transformers.utils import logging as hf_logging

from feallm.analyze.checkpoints import WANTED, locate
from feallm.analyze.engine import Conversation, EngineInfo, Scores
from feallm.analyze.errors import CheckpointError
from feallm.analyze.sampling import SeededSampling
from feallm.model import FeallmConfig, FeallmForConditionalGeneration, FeallmProcessor
from feallm.model.seeing import FaceFeatures


def pick_device(device: str) -> torch.device:
    """ "auto" takes CUDA where there is one. Raises ValueError for a device this machine does not have."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        because = f" ({reason})" if len(reason) < 80 else ""  # torch lists every kind of device it ever heard of
        raise ValueError(f"device {device!r} cannot be used here{because}: use auto, cpu or cuda") from error
    return chosen


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bar for reading a weight file; the caller's setting comes back afterwards."""
    shown = hf_logging.is_progress_bar_enabled()
    hf_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            hf_logging.enable_progress_bar()


def load(model: str | os.PathLike[str] | None) -> tuple[FeallmForConditionalGeneration, FeallmProcessor, str]:
    """A checkpoint from a folder or a hub id (None: the packaged one), its processor, and its name.

    Raises:
        CheckpointError: missing, damaged, or of another architecture.
    """
    source, name = locate(model)
    where = str(source) if source.is_dir() else str(model)
    try:
        config = FeallmConfig.from_pretrained(where)
        if config.model_type != "feallm":
            raise CheckpointError(f"{where} holds a {config.model_type!r} model, not a FEALLM")
        with quiet():
            loaded, report = FeallmForConditionalGeneration.from_pretrained(
                where, config=config, dtype=torch.float32, output_loading_info=True
            )
        processor = FeallmProcessor.from_pretrained(where)
    except (OSError, SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if not source.is_dir():
            raise CheckpointError(
                f"{where} is no folder here, and as a hub id it cannot be loaded ({reason}): check the name and the "
                "network, or give a folder"
            ) from error
        raise CheckpointError(f"the checkpoint {where} cannot be loaded ({reason}): {WANTED}; copy it again") from error
    missing = sorted(report["missing_keys"]) + sorted(str(key) for key in report["mismatched_keys"])
    if missing:
        raise CheckpointError(f"the checkpoint {where} lacks weights ({missing[0]} and {len(missing) - 1} more)")
    return loaded, processor, name


class TorchEngine:
    """`Engine` over PyTorch. One instance may be used from one thread at a time."""

    def __init__(self, model: str | os.PathLike[str] | None = None, device: str = "auto") -> None:
        device_there = pick_device(device)
        self._take(*load(model), device_there)

    @classmethod
    def of(cls, model: FeallmForConditionalGeneration, processor: FeallmProcessor, name: str) -> "TorchEngine":
        """An engine over a model that is in memory already, where it is."""
        engine = cls.__new__(cls)
        engine._take(model, processor, name, model.device)
        return engine

    def _take(
        self, model: FeallmForConditionalGeneration, processor: FeallmProcessor, name: str, device: torch.device
    ) -> None:
        self.model, self.processor, self.device = model, processor, device
        self.model.to(self.device).eval()
        head = self.model.config.head_config
        if self.model.model.head is None:
            raise CheckpointError(f"{name} has no AU-aware head, which every number is read from: train one with it")
        self.head = head
        units = tuple(head.action_units)
        self.info = EngineInfo(
            model=name,
            revision=str(self.model.config.revision_note),
            engine=f"torch {torch.__version__}",
            device=str(self.device),
            face_size=int(self.model.config.image_size),
            action_units=units,
            thresholds={unit: float((head.au_thresholds or {}).get(unit, 0.5)) for unit in units},
            low_support=frozenset(head.low_support),
            label_sets={key: tuple(classes) for key, classes in head.label_sets.items()},
            default_label_set=head.default_label_set,
            preprocessing={
                "face_size": int(self.model.config.image_size),
                "grayscale": self.processor.grayscale,
            },
        )
        self._scale = torch.tensor([(head.au_scales or {}).get(unit, 1.0) for unit in units], device=self.device)
        self._bias = torch.tensor([(head.au_biases or {}).get(unit, 0.0) for unit in units], device=self.device)

    @torch.inference_mode()
    def encode(self, faces: Sequence[NDArray[np.uint8]]) -> FaceFeatures:
        features = self.model.model.see(self.processor.pixels(list(faces)).to(self.device), mirror=self.head.mirror)
        return replace(features, reading=self.model.model.read(features))

    def pick(self, encoded: FaceFeatures, rows: Sequence[int]) -> FaceFeatures:
        return encoded.pick(torch.tensor(list(rows), device=self.device))

    @torch.inference_mode()
    def scores(self, encoded: FaceFeatures) -> Scores:
        head = self.model.model.read(encoded)
        return Scores(
            presence=_numpy(torch.sigmoid(head.au_logits * self._scale + self._bias)),
            intensity=_numpy(head.au_intensity),
            emotions=self._calibrated(head.emotion_logits),
        )

    @torch.inference_mode()
    def judge(self, encoded: FaceFeatures, evidence: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        head = self.model.model.read(encoded)
        changed = torch.from_numpy(evidence).to(self.device)
        changed = torch.where(torch.isnan(changed), head.evidence.unsqueeze(1), changed)
        pictures = {name: logits.unsqueeze(1) for name, logits in head.picture_logits.items()}
        return self._calibrated(self.model.model.require_head().judge(pictures, changed))

    def _calibrated(self, logits: dict[str, Tensor]) -> dict[str, NDArray[np.float32]]:
        temperatures, biases = self.head.temperatures or {}, self.head.emotion_biases or {}
        return {
            name: _numpy(torch.softmax((values + self._tensor(biases.get(name))) / temperatures.get(name, 1.0), dim=-1))
            for name, values in logits.items()
        }

    def _tensor(self, values: list[float] | None) -> Tensor:
        return torch.tensor(values if values is not None else 0.0, device=self.device)

    def _prompt(self, encoded: FaceFeatures, texts: list[str]) -> tuple[Tensor, Tensor]:
        """Texts with placeholders -> embeddings [B, L, T] and mask [B, L], padded on the left."""
        inputs = self.processor(text=texts).to(self.device)
        return self.model.embed(inputs["input_ids"], encoded), inputs["attention_mask"]

    @torch.inference_mode()
    def generate(
        self,
        encoded: FaceFeatures,
        conversations: Sequence[Conversation],
        max_new_tokens: int,
        *,
        seeds: Sequence[int] | None = None,
        on_text: Callable[[str], None] | None = None,
    ) -> list[str]:
        embeds, mask = self._prompt(encoded, self.processor.chat(conversations))
        tokens = self.model.generate(
            inputs_embeds=embeds,
            attention_mask=mask,
            max_new_tokens=max_new_tokens,
            do_sample=False,
            suppress_tokens=self.model.config.placeholder_ids,
            logits_processor=[SeededSampling(seeds)] if seeds is not None else None,
            streamer=_Pieces(self.processor.tokenizer, on_text) if on_text is not None else None,
        )
        return [text.strip() for text in self.processor.tokenizer.batch_decode(tokens, skip_special_tokens=True)]

    @torch.inference_mode()
    def score_labels(
        self, encoded: FaceFeatures, conversations: Sequence[Conversation], labels: Sequence[str]
    ) -> NDArray[np.float32]:
        tokenizer = self.processor.tokenizer
        embeds, mask = self._prompt(encoded, self.processor.chat(conversations))
        prefix = self.model.language_model(inputs_embeds=embeds, attention_mask=mask, use_cache=True)
        columns = []
        for label in labels:
            ids = tokenizer(label, add_special_tokens=False, return_tensors="pt")["input_ids"].to(self.device)
            ids = ids.expand(embeds.shape[0], -1)
            cache = copy.deepcopy(prefix.past_key_values)
            longer = torch.cat([mask, mask.new_ones(ids.shape)], dim=1)
            output = self.model.language_model(input_ids=ids, attention_mask=longer, past_key_values=cache)
            logits = torch.cat([prefix.logits[:, -1:], output.logits[:, :-1]], dim=1).float().log_softmax(-1)
            columns.append(logits.gather(2, ids.unsqueeze(-1)).sum(dim=(1, 2)))
        return _numpy(torch.stack(columns, dim=1))


class _Pieces(TextStreamer):
    """Hands on the words of an answer as soon as they are whole."""

    def __init__(self, tokenizer: Any, on_text: Callable[[str], None]) -> None:
        super().__init__(tokenizer, skip_prompt=True, skip_special_tokens=True)
        self.on_text = on_text

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        if text:
            self.on_text(text)


def _numpy(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.float().cpu().numpy()
    return array
