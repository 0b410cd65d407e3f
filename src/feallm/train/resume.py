"""Where a stage that was stopped goes on: its last checkpoint that was written to the end."""

import json
import logging
from pathlib import Path

from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

log = logging.getLogger(__name__)
STATE = "trainer_state.json"


def last_checkpoint(folder: Path) -> str | None:
    """The checkpoint in a stage's folder to go on from; None where there is no whole one.

    The Trainer writes into the checkpoint's own folder, `trainer_state.json` at the end of it, and removes the
    checkpoint before only then. One whose state cannot be read was cut short, and is passed over.
    """
    front = f"{PREFIX_CHECKPOINT_DIR}-"
    steps = [path.name.removeprefix(front) for path in folder.glob(f"{front}*") if path.is_dir()]
    for step in sorted((int(step) for step in steps if step.isdigit()), reverse=True):
        path = folder / f"{front}{step}"
        if _is_whole(path):
            return str(path)
        log.warning("%s is passed over: the run was ended while it was written, its %s is not whole", path, STATE)
    return None


def _is_whole(checkpoint: Path) -> bool:
    try:
        return isinstance(json.loads((checkpoint / STATE).read_text(encoding="utf-8")), dict)
    except (FileNotFoundError, ValueError):
        return False
