"""Any Hugging Face image-text-to-text model (LLaVA, Qwen-VL, InternVL, SmolVLM …), run on this machine.

Every request is one user turn of a picture and the question, in the model's own chat template. The picture goes to the
model's processor as it is, however small. Answers are generated in batches padded on the left; closed-set emotion
questions are answered by `label_scores` where the options ask for it and the model allows it.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoConfig, AutoModelForImageTextToText, PreTrainedConfig

from feallm.analyze.sampling import SeededSampling
from feallm.analyze.torch_engine import pick_device, quiet
from feallm.bench.items import KINDS, Picture, Request, Response, digest
from feallm.bench.responders.label_scores import RULE, Answers, LabelScorer, answer_ids, forms
from feallm.bench.responders.processors import open_processor
from feallm.bench.responders.responder import Options, ResponderError, ResponderInfo

PROBE = (48, 224)
"""Sides of the pictures that are tried when a model is opened: the smallest of the benchmark, and a usual one."""
TRIED = (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError, ImportError)


def open_huggingface(what: str, options: Options) -> "HuggingFaceResponder":
    """The model in the folder `what`, or of this hub id.

    Raises:
        ResponderError: no such model, one of another kind, without a chat template, or that fails on a small picture.
    """
    if not what:
        raise ResponderError("which model? Give a folder or a hub id: hf:llava-hf/llava-1.5-7b-hf")
    where = str(Path(what).expanduser()) if Path(what).expanduser().is_dir() else what
    try:
        device = pick_device(options.device)
    except ValueError as error:
        raise ResponderError(str(error)) from error
    config = _told(what, lambda: _config(where))
    processor = _told(what, lambda: open_processor(where, config))
    _check_processor(processor, what)
    model = _told(what, lambda: _model(where, _dtype(options.dtype, device)))
    return HuggingFaceResponder(model.to(device).eval(), processor, what, _revision(where, config), options)


class HuggingFaceResponder:
    """Answers requests by a model and its processor.

    Raises:
        ResponderError: the model cannot answer about a picture of 48 x 48 pixels.
    """

    def __init__(self, model: Any, processor: Any, name: str, revision: str, options: Options) -> None:
        self.model, self.processor, self.options = model, processor, options
        processor.tokenizer.padding_side = "left"
        if processor.tokenizer.pad_token is None:
            processor.tokenizer.pad_token = processor.tokenizer.eos_token
        self._prompt = lru_cache(self._templated)
        self._answers = lru_cache(self._tokenized)
        sizes = _told(name, lambda: {side: self._seen(side) for side in PROBE})
        self._scorer, why_not = self._try(name)
        self.info = ResponderInfo(
            name="hf",
            model=name,
            revision=revision,
            kinds=frozenset(KINDS),
            decoding=self._decoding(),
            image_size="; ".join(f"{size} of {side} x {side}" for side, size in sizes.items()),
            trained_on=options.trained_on,
            note=why_not,
        )

    def respond(self, requests: Sequence[Request]) -> list[Response]:
        """See `Responder`. A picture that the processor cannot take is unreadable.

        Raises:
            ResponderError: out of memory, or answers that are no numbers.
        """
        found: list[Response | None] = [None] * len(requests)
        for scored, places in self._batches(requests):
            batch = [requests[place] for place in places]
            for place, response in zip(places, self._respond(batch, scored), strict=True):
                found[place] = response
        return [response for response in found if response is not None]

    def _batches(self, requests: Sequence[Request]) -> list[tuple[bool, list[int]]]:
        """Places of requests that are answered together, and whether by scoring: then prompts are equally long."""
        groups: dict[Any, list[int]] = defaultdict(list)
        for place, request in enumerate(requests):
            scored = self._scorer is not None and request.kind == "emotion" and bool(request.classes)
            alike = (request.question, request.classes, request.picture.shape) if scored else None
            groups[alike].append(place)
        size = self.options.batch_size
        return [
            (alike is not None, places[start : start + size])
            for alike, places in groups.items()
            for start in range(0, len(places), size)
        ]

    def _respond(self, batch: Sequence[Request], scored: bool) -> list[Response]:
        try:
            inputs = self._inputs(batch)
        except (ValueError, TypeError, IndexError, ZeroDivisionError) as error:
            if len(batch) == 1:
                return [Response(status="unreadable", error=_line(error))]
            return [response for request in batch for response in self._respond([request], scored)]
        try:
            return self._score(batch, inputs) if scored else self._generate(batch, inputs)
        except torch.OutOfMemoryError as error:
            raise ResponderError(
                f"out of memory with {len(batch)} pictures at once: set a smaller batch_size than "
                f"{self.options.batch_size}, or dtype=bfloat16"
            ) from error

    @torch.inference_mode()
    def _generate(self, batch: Sequence[Request], inputs: Mapping[str, Any], most: int | None = None) -> list[Response]:
        temperature = self.options.temperature
        seeds = [int(digest(f"{self.options.seed} {each.sample} {each.question}"), 16) for each in batch]
        sampling = [SeededSampling(seeds, temperature, top_p=1.0)] if temperature else None
        tokenizer = self.processor.tokenizer
        tokens = self.model.generate(
            **inputs,
            max_new_tokens=most or self.options.max_new_tokens,
            do_sample=False,
            num_beams=1,
            logits_processor=sampling,
            pad_token_id=tokenizer.pad_token_id,
        )
        if not self.model.config.is_encoder_decoder:
            tokens = tokens[:, inputs["input_ids"].shape[1] :]
        texts = tokenizer.batch_decode(tokens, skip_special_tokens=True)
        return [Response(how="generation", text=text.strip()) for text in texts]

    @torch.inference_mode()
    def _score(self, batch: Sequence[Request], inputs: Mapping[str, Any]) -> list[Response]:
        assert self._scorer is not None
        classes = batch[0].classes
        likelihoods = self._scorer(inputs, self._answers(batch[0].question, classes))
        rows = likelihoods.softmax(dim=1).cpu().numpy()
        if not np.isfinite(rows).all():
            raise ResponderError(f"{self.info.model} answers with NaN: try another dtype than {self.dtype}")
        return [
            Response(
                how="log-likelihood",
                emotion=classes[int(row.argmax())],
                scores={name: float(value) for name, value in zip(classes, row, strict=True)},
            )
            for row in rows
        ]

    @property
    def dtype(self) -> str:
        return str(self.model.dtype).removeprefix("torch.")

    def _inputs(self, batch: Sequence[Request]) -> dict[str, Any]:
        """The model's inputs for requests, padded on the left, where the model is."""
        texts = [self._prompt(request.question) for request in batch]
        begins = self.processor.tokenizer.bos_token
        inputs = self.processor(
            images=[[Image.fromarray(request.picture)] for request in batch],
            text=texts,
            padding=True,
            padding_side="left",
            add_special_tokens=not (begins and texts[0].startswith(begins)),  # templates bring their own
            return_tensors="pt",
        ).to(self.model.device, self.model.dtype)
        return {name: value for name, value in inputs.items() if name != "token_type_ids" or self._types}

    @property
    def _types(self) -> bool:
        return "token_type_ids" in self.model.forward.__code__.co_varnames

    def _templated(self, question: str, answer: str = "") -> str:
        """The prompt of a question; with an answer, the whole conversation."""
        turns = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}]
        if answer:
            turns.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
        return str(self.processor.apply_chat_template(turns, tokenize=False, add_generation_prompt=not answer))

    def _tokenized(self, question: str, classes: tuple[str, ...]) -> Answers:
        prompt, closed = self._templated(question), self._templated(question, classes[0])
        tokenizer = self.processor.tokenizer
        return [[answer_ids(tokenizer, prompt, closed, form, classes[0]) for form in forms(name)] for name in classes]

    def _seen(self, side: int) -> str:
        """What the processor makes of a picture of `side` x `side` pixels, in words."""
        inputs = self._inputs([_request(side)])
        pixels = inputs.get("pixel_values")
        if "image_grid_thw" in inputs:
            patch = self.processor.image_processor.patch_size
            _, rows, columns = (int(value) for value in inputs["image_grid_thw"][0])
            return f"{rows * patch} x {columns * patch}"
        if pixels is None or pixels.ndim < 4:
            return "as the processor makes it"
        tiles = int(np.prod(pixels.shape[:-3]))
        return (f"{tiles} tiles of " if tiles > 1 else "") + f"{pixels.shape[-2]} x {pixels.shape[-1]}"

    def _try(self, name: str) -> tuple[LabelScorer | None, str]:
        """One answer, and where labels are to be scored, two labels: a scorer or None, and why there is none."""
        request = _request(PROBE[0])
        inputs = _told(name, lambda: self._inputs([request]))
        _told(name, lambda: self._generate([request], inputs, most=1))
        if not self.options.label_scoring:
            return None, ""
        if self.model.config.is_encoder_decoder:
            return None, "labels are generated: an encoder-decoder model is not scored"
        scorer = LabelScorer(self.model)
        try:
            with torch.inference_mode():
                tolerance = 1e-3 if self.model.dtype == torch.float32 else 0.1
                scorer.probe(inputs, self._answers(request.question, request.classes), tolerance)
        except TRIED as error:
            return None, f"labels are generated: this model cannot be scored ({_line(error)})"
        return scorer, ""

    def _decoding(self) -> dict[str, Any]:
        sampled = bool(self.options.temperature)
        drawn = {"temperature": self.options.temperature, "seed": self.options.seed} if sampled else {}
        penalty = getattr(self.model.generation_config, "repetition_penalty", None)
        return {
            **({"emotion": RULE} if self._scorer is not None else {}),
            "how": "sampled" if sampled else "greedy",
            **drawn,
            **({"repetition_penalty": penalty} if penalty not in (None, 1.0) else {}),
            "max_new_tokens": self.options.max_new_tokens,
            "dtype": self.dtype,
        }


def _request(side: int) -> Request:
    picture: Picture = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Request("probe", "emotion", "Which is it: happiness or contempt?", picture, True, ("happiness", "contempt"))


def _config(where: str) -> Any:
    raw, _ = PreTrainedConfig.get_config_dict(where)
    if raw.get("model_type") == "feallm":
        raise ResponderError(
            f"{where} is a FEALLM checkpoint: name it feallm-free:{where} to have it answer as a general model does, "
            f"or feallm:{where} for its readings"
        )
    return AutoConfig.from_pretrained(where)


def _model(where: str, dtype: Any) -> Any:
    with quiet():
        model, report = AutoModelForImageTextToText.from_pretrained(where, dtype=dtype, output_loading_info=True)
    missing = sorted(report["missing_keys"])
    if missing:
        raise ResponderError(f"{where} lacks weights ({missing[0]} and {len(missing) - 1} more): copy it again")
    return model


def _check_processor(processor: Any, what: str) -> None:
    if getattr(processor, "image_processor", None) is None or getattr(processor, "tokenizer", None) is None:
        raise ResponderError(f"{what} has no processor of pictures and text: it is no vision-language model")
    if not getattr(processor, "chat_template", None):
        raise ResponderError(
            f"the processor of {what} has no chat template, so how to ask it is not known: take an instruction-tuned "
            "checkpoint, or put the template as chat_template.jinja into its folder"
        )


def _dtype(name: str, device: torch.device) -> Any:
    """ "auto": the checkpoint's own, and on a CPU float32."""
    if name == "auto":
        return torch.float32 if device.type == "cpu" else "auto"
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name not in known:
        raise ResponderError(f"dtype {name!r} is not known: choose from auto, {', '.join(known)}")
    return known[name]


def _revision(where: str, config: Any) -> str:
    """The hub's commit, or a digest of a folder's config and file sizes."""
    folder = Path(where)
    if not folder.is_dir():
        return str(getattr(config, "_commit_hash", None) or "")
    sizes = [f"{path.name} {path.stat().st_size}" for path in sorted(folder.iterdir()) if path.is_file()]
    return digest("\n".join([*sizes, (folder / "config.json").read_text(encoding="utf-8")]))


def _told(what: str, work: Callable[[], Any]) -> Any:
    """The result of `work`, its errors as ResponderError with what to do."""
    try:
        return work()
    except ResponderError:
        raise
    except ImportError as error:
        raise ResponderError(f"{what} needs a library that is not installed: {_line(error)}") from error
    except torch.OutOfMemoryError as error:
        raise ResponderError(f"{what} does not fit into memory: try dtype=bfloat16 or device=cpu") from error
    except TRIED as error:
        raise ResponderError(
            f"{what} cannot be used as an image-text-to-text model: {_line(error)}. Expected a folder that "
            "save_pretrained wrote or a hub id of a model that transformers itself supports (no remote code)"
        ) from error


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
