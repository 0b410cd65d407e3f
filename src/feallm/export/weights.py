"""Pointing a graph's weights at the very bytes of the checkpoint's safetensors files, so that they exist once.

ONNX lets a tensor's data lie in another file of the folder, at an offset; safetensors holds raw little-endian tensors.
What is stored in half precision is cast when the graph is loaded.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx_ir as ir

from feallm.analyze.weight_files import Stored

TYPES = {"F64": "DOUBLE", "F32": "FLOAT", "F16": "FLOAT16", "BF16": "BFLOAT16", "I64": "INT64", "I32": "INT32"}
"""safetensors' names of types -> ONNX's."""
PREFIX = "model."


def point(model: ir.Model, stored: Mapping[str, Stored], folder: Path) -> None:
    """Replace every weight of `model` that is a tensor of the checkpoint by its place there; the rest stays inside."""
    graph = model.graph
    first = graph[0]
    for name, value in list(graph.initializers.items()):
        place = _place(name, value, stored, folder)
        if place is None:
            continue
        tensor = _external(name, place, folder)
        if tensor.dtype == value.dtype:
            value.const_value = tensor
            continue
        kept = ir.Value(name=f"{name}.stored", shape=ir.Shape(place.shape), type=ir.TensorType(tensor.dtype))
        kept.const_value = tensor
        cast = ir.node("Cast", [kept], attributes={"to": value.dtype}, name=f"{name}.cast")
        value.replace_all_uses_with(cast.outputs[0])
        del graph.initializers[name]
        graph.initializers[str(kept.name)] = kept
        graph.insert_before(first, cast)


def _place(name: str, value: ir.Value, stored: Mapping[str, Stored], folder: Path) -> Stored | None:
    """The tensor of the checkpoint that an initializer is: by its name, else (tied weights) by its values."""
    if not name.startswith(PREFIX) or value.const_value is None or value.dtype is None:
        return None
    array = value.const_value.numpy()
    named = stored.get(name.removeprefix(PREFIX))
    likely = [named] if named is not None else [each for each in stored.values() if each.shape == array.shape]
    for place in likely:
        if place.dtype in TYPES and place.shape == array.shape:
            there = _external(name, place, folder).numpy().astype(array.dtype)
            if np.array_equal(there, array):
                return place
    return None


def _external(name: str, place: Stored, folder: Path) -> ir.ExternalTensor:
    return ir.ExternalTensor(
        place.file,
        place.offset,
        place.length,
        ir.DataType[TYPES[place.dtype]],
        shape=ir.Shape(place.shape),
        name=f"{name}.stored",
        base_dir=folder,
    )
