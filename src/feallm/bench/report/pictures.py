"""The pictures of worst cases, where the licence of the data lets a report show them."""

from collections.abc import Mapping
from pathlib import Path

from feallm.bench.items import picture_digest
from feallm.bench.report.leaderboard import Section
from feallm.bench.samples import BROKEN, samples_of
from feallm.bench.session import data_of
from feallm.bench.tasks import TASKS
from feallm.data.view import data_uri


def pictures_of(part: Section, data: Path | None) -> tuple[Mapping[str, str], str]:
    """sample -> picture as a data URI; and why there are none, or "".

    A picture that is no longer the one that was asked about is left out.
    """
    wanted = {case.item.sample: case.item for run in part.runs for case in run.worst}
    task = TASKS[part.task]
    if not wanted:
        return {}, ""
    if not task.shows_pictures:
        return {}, f"Without pictures: the licence of {task.source} does not clearly let a report pass them on."
    if data is None:
        return {}, "Without pictures: give --data, the folder of the task's data, to show them."
    found: dict[str, str] = {}
    try:
        for sample in samples_of(task, data_of(task, data)):
            item = wanted.get(sample.item.sample)
            if item is not None and picture_digest(sample.face) == item.picture:
                found[item.sample] = data_uri(sample.shown(), None)
            if len(found) == len(wanted):
                break
    except (*BROKEN, ValueError):  # the folder may be another task's
        pass
    return found, "" if found else f"Without pictures: those of {task.source} were not found in the folder given."
