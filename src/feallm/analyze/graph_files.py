"""The graphs of a checkpoint, beside its weights: what `feallm export` writes and the ONNX engine reads."""

import os
from pathlib import Path
from typing import Any

import onnxruntime

from feallm.analyze.errors import CheckpointError

GRAPHS = {"see": "see.onnx", "judge": "judge.onnx", "embed": "embed.onnx", "text": "text.onnx"}
"""Graph -> file. Their weights lie in the checkpoint's safetensors files."""
FORMAT_KEY, FORMAT = "feallm.format", "2"
FINGERPRINT = "feallm.fingerprint"
"""Metadata of each graph: how graphs are laid out, and which weights and config they belong to."""
QUIET = 3
"""Errors alone: a graph that runs well has no warnings for the user."""
RESTING = ("session.intra_op.allow_spinning", "0")
"""Threads sleep while they wait for each other and for the next run: by default they keep a core busy with waiting,
which whoever decodes pictures, looks for faces or answers beside them wants."""


def open_graph(folder: Path, name: str, mark: str, threads: int = 0) -> onnxruntime.InferenceSession:
    """A graph, ready to run on the processor with `threads` threads (0: as many as are useful).

    Raises CheckpointError: missing, damaged, of another format, or of weights with another fingerprint than `mark`.
    """
    path = folder / GRAPHS[name]
    again = f"write it again with `feallm export {folder}`"
    if not path.is_file():
        raise CheckpointError(f"{folder} has no {path.name}: {again}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or useful_threads()
    options.log_severity_level = QUIET
    options.add_session_config_entry(*RESTING)
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(f"{path} cannot be loaded ({reason}): {again}") from error
    noted: dict[str, Any] = session.get_modelmeta().custom_metadata_map
    if noted.get(FORMAT_KEY) != FORMAT or noted.get(FINGERPRINT) != mark:
        raise CheckpointError(f"{path} was made for other weights, another config or another feallm: {again}")
    return session


def useful_threads() -> int:
    """OMP_NUM_THREADS where it is set, else the physical cores this process may run on."""
    wished = os.environ.get("OMP_NUM_THREADS", "")
    if wished.isdecimal() and int(wished) > 0:
        return int(wished)
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    cores = {_siblings(number) for number in allowed}
    return max(1, len(cores))


def _siblings(processor: int) -> str:
    """What shares a core with a processor, as Linux tells it; itself where nothing is told."""
    try:
        return Path(f"/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list").read_text(encoding="ascii")
    except OSError:
        return str(processor)
