"""Which engine reads a checkpoint: ONNX Runtime where it was exported, torch for any other."""

import os
from importlib.util import find_spec
from typing import Literal, get_args

from feallm.analyze.checkpoints import locate
from feallm.analyze.engine import Engine
from feallm.analyze.errors import CheckpointError

EngineName = Literal["auto", "onnx", "torch"]
TORCH = ("torch", "transformers", "safetensors")
"""What the torch engine needs."""


def open_engine(
    model: str | os.PathLike[str] | None = None, device: str = "auto", engine: EngineName = "auto"
) -> Engine:
    """The engine over a checkpoint folder, a hub id or (None) the packaged checkpoint.

    Raises:
        CheckpointError: the checkpoint is missing, damaged or not a FEALLM, or what would read it is not installed.
        ValueError: an unknown engine, or a device that the engine or this machine does not have.
    """
    if engine not in get_args(EngineName):
        raise ValueError(f"no engine is called {engine!r}: auto, onnx or torch")
    if engine == "onnx" and device not in ("auto", "cpu"):
        raise ValueError(
            f"the onnx engine runs on the processor, not on {device!r}: use device='cpu' or engine='torch'"
        )
    folder, _ = locate(model)
    exported = any(folder.glob("*.onnx"))
    if engine == "onnx" or (engine == "auto" and exported and device in ("auto", "cpu") and find_spec("onnxruntime")):
        if not exported:
            raise CheckpointError(
                f"{folder} has no graphs: write them with `feallm export {folder}`, or use the torch engine"
            )
        from feallm.analyze.onnx_engine import OnnxEngine

        return OnnxEngine(model)
    missing = [name for name in TORCH if find_spec(name) is None]
    if missing:
        raise CheckpointError(
            f"reading {folder} on {device!r} needs {missing[0]}, which is not installed: pip install 'feallm[torch]'"
        )
    from feallm.analyze.torch_engine import TorchEngine

    return TorchEngine(model, device)
