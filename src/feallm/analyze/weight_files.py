"""Where each tensor of a checkpoint lies in its safetensors files, read without any library.

A file begins with eight bytes, the length of its header in little-endian, then the header in JSON: name -> dtype, shape
and the two offsets of its bytes behind the header (the format's own description: github.com/huggingface/safetensors).
"""

import hashlib
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feallm.analyze.errors import CheckpointError

LONGEST_HEADER = 100_000_000
"""Bytes; the format allows no more."""
FITTED = {"au_biases", "au_scales", "au_thresholds", "emotion_biases", "temperatures", "low_support", "revision_note"}
"""What a config says that is fitted or noted after training: no graph depends on it."""
NOTED = {"transformers_version", "dtype", "architectures", "loss_weight", "au_loss_weight", "intervention_weight"}


@dataclass(frozen=True)
class Stored:
    """One tensor: its file, the safetensors name of its type (`F16`), its shape, and its bytes in the file."""

    file: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int


def stored_tensors(folder: Path) -> dict[str, Stored]:
    """Name -> place of every tensor of a checkpoint. Raises CheckpointError for a damaged file."""
    found: dict[str, Stored] = {}
    for path in sorted(folder.glob("*.safetensors")):
        raw = _header(path)
        start = 8 + len(raw)
        try:
            entries = {name: entry for name, entry in json.loads(raw).items() if name != "__metadata__"}
            for name, entry in entries.items():
                first, last = entry["data_offsets"]
                found[name] = Stored(path.name, entry["dtype"], tuple(entry["shape"]), start + first, last - first)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _damaged(path, type(error).__name__) from error
    return found


def fingerprint(folder: Path) -> str:
    """SHA-256 of what graphs depend on: the layout of the weights and the config, less what is fitted after training.

    Weights of the same layout have the same fingerprint: the same graphs fit them.
    Raises CheckpointError where there are no weights, or a file is damaged.
    """
    digest = hashlib.sha256()
    paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        raise CheckpointError(f"{folder} has no weights: expected model.safetensors")
    for path in paths:
        digest.update(path.name.encode() + _header(path))
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{folder / 'config.json'} cannot be read ({error}): copy the checkpoint again"
        ) from error
    digest.update(json.dumps(_lasting(config), sort_keys=True).encode())
    return digest.hexdigest()


def _lasting(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: _lasting(inner) for key, inner in value.items() if key not in FITTED | NOTED}


def _header(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            raw = stream.read(length) if length <= LONGEST_HEADER else b""
    except (OSError, struct.error) as error:
        raise _damaged(path, str(error)) from error
    if len(raw) != length:
        raise _damaged(path, f"its header should have {length} bytes")
    return raw


def _damaged(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(f"{path} is damaged or no safetensors file ({reason}): copy it again")
