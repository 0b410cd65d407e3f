"""Tracing a part of the network into an ONNX graph whose weights are left out of every simplification.

A graph is simplified with its weights as inputs, so that nothing is computed from them and stored: the graph then
fits any weights of the same architecture, and each weight is still the tensor of the checkpoint it came from.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import onnx_ir as ir
import torch
from torch.export import Dim

from feallm.export.parts import Judging, LookingUp, Part, Seeing, Speaking, cache_names

OPSET = 23
"""The first with `Attention` and `RMSNormalization` as single operations (dynamo exporter only)."""
Shapes = tuple[Any, ...]


def see(part: Seeing) -> ir.Model:
    size = part.model.config.image_size
    return _trace(part, (torch.zeros(2, 3, size, size),), ({0: Dim("faces")},), ["pixel_values"])


def judge(part: Judging) -> ir.Model:
    head = part.model.config.head_config
    pictures = [torch.zeros(2, len(head.label_sets[name])) for name in part.label_sets]
    faces = Dim("faces")
    return _trace(
        part,
        (torch.zeros(2, 3, len(head.action_units)), *pictures),
        ({0: faces, 1: Dim("interventions")}, tuple({0: faces} for _ in pictures)),
        ["evidence", *(f"picture.{name}" for name in part.label_sets)],
    )


def look_up(part: LookingUp) -> ir.Model:
    ids = torch.zeros(2, 3, dtype=torch.int64)
    return _trace(part, (ids,), ({0: Dim("rows"), 1: Dim("new")},), ["input_ids"])


def speak(part: Speaking) -> ir.Model:
    """The cache's shape is found by running the model: layers may differ from what their config suggests."""
    width, rows, old, new = part.model.config.text_config.hidden_size, 2, 5, 3
    speaker = part.model.language_model
    text = speaker(inputs_embeds=torch.zeros(rows, old, width), use_cache=True)
    past = [(layer.keys.transpose(2, 3), layer.values) for layer in text.past_key_values.layers]
    example = (
        torch.zeros(rows, new, width),
        torch.ones(rows, old + new, dtype=torch.int64),
        torch.arange(old, old + new).expand(rows, -1),
        torch.tensor([new - 1]),
        past,
    )
    batch, fresh, cached = Dim("rows"), Dim("new"), Dim("past")
    shapes: Shapes = (
        {0: batch, 1: fresh},
        {0: batch, 1: Dim.AUTO},
        {0: batch, 1: fresh},
        {0: Dim("kept")},
        [({0: batch, 3: cached}, {0: batch, 2: cached})] * len(past),
    )
    names = ["embeds", "attention_mask", "position_ids", "kept", *cache_names("past", len(past))]
    usual = speaker.config._attn_implementation
    speaker.set_attn_implementation("beside_past")
    try:
        return _trace(part, example, shapes, names)
    finally:
        speaker.set_attn_implementation(usual)


@torch.no_grad()
def _trace(part: Part, example: tuple[Any, ...], shapes: Shapes, inputs: list[str]) -> ir.Model:
    with _silence():
        program = torch.onnx.export(
            part.eval(),
            example,
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=shapes,
            input_names=inputs,
            output_names=part.outputs,
            optimize=False,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")
    with _silence():
        _simplify(program)
    model: ir.Model = program.model
    return model


def _simplify(program: torch.onnx.ONNXProgram) -> None:
    graph = program.model.graph
    weights = {name: value for name, value in graph.initializers.items() if name.startswith("model.")}
    tensors = {name: value.const_value for name, value in weights.items()}
    before = list(graph.inputs)
    for name, value in weights.items():
        del graph.initializers[name]
        value.const_value = None
        graph.inputs.append(value)
    program.optimize()
    graph = program.model.graph
    graph.inputs[:] = before
    for name, value in weights.items():
        if value.uses():
            value.const_value = tensors[name]
            graph.initializers[name] = value


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """The exporter warns of operations that are not used and tells its progress: neither is for the user."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
