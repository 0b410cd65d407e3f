"""Where a checkpoint is: a folder, the packaged one, or a hub id. Nothing here imports torch."""

import os
from pathlib import Path

from feallm.analyze.errors import CheckpointError

PACKAGED = Path(__file__).parent.parent / "checkpoints" / "tiny"
PACKAGED_NAME = "feallm-tiny"
WANTED = "expected a folder with config.json, model.safetensors and tokenizer.json, as save_pretrained writes it"


def locate(model: str | os.PathLike[str] | None) -> tuple[Path, str]:
    """The folder of a checkpoint (None: the packaged one) and its name; a hub id is a path that is no folder.

    Raises CheckpointError for a path that leads to no checkpoint and cannot be a hub id.
    """
    source = PACKAGED if model is None else Path(model)
    looks_local = model is None or source.is_absolute() or str(model).startswith(".") or str(model).count("/") != 1
    if not source.is_dir() and (looks_local or source.exists()):
        raise CheckpointError(f"no checkpoint at {source}: {WANTED}, or a hub id such as owner/name")
    if source.is_dir() and not (source / "config.json").is_file():
        raise CheckpointError(f"{source} is no checkpoint: {WANTED}")
    return source, PACKAGED_NAME if model is None else str(model)
