"""What a checkpoint learned from: the recipe of the run that left it, and of those that this one began from."""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from feallm.settings import SettingsError
from feallm.train.card import DATA, write_card
from feallm.train.data_recipe import StoreRecipe
from feallm.train.recipe import TrainRecipe
from feallm.train.stores import learned_sources, open_wanted

log = logging.getLogger(__name__)
RECIPE = "recipe.yaml"


@dataclass(frozen=True)
class Told:
    """How a checkpoint was made, as its run saved it: the `recipe` with the stages up to its own, and `data.json`.

    The latter has the sources of stores as well, and is there once the run is finished.
    """

    recipe: dict[str, Any]
    data: dict[str, Any] | None


@dataclass(frozen=True)
class Learned:
    """Entries of `data.train` (each with a `source`) that a checkpoint and those it began from learned from, and the
    folders of which nothing is known."""

    sources: list[dict[str, Any]]
    unknown: list[str]


def told_by(folder: Path) -> Told | None:
    """What stands with a checkpoint's weights or, for one inside a run, at the top of it; None where nothing does."""
    folder = folder.resolve()
    if (recipe := _recipe(folder)) is not None:
        return Told(recipe, _data(folder))
    for run in list(folder.parents)[:2]:  # RUN/final, and RUN/1-name with model, adapter and checkpoint-N in it
        recipe, part = _recipe(run), folder.relative_to(run).parts[0]
        stages = (recipe or {}).get("stages", [])
        names = [f"{number}-{stage['name']}" for number, stage in enumerate(stages, start=1)]
        if recipe is not None and part in [*names, "final"]:
            count = names.index(part) + 1 if part in names else len(names)
            return Told({**recipe, "stages": stages[:count]}, _data(run / "final"))
    return None


def learned_by(folder: Path) -> Learned:
    """Everything that a checkpoint, and those it began from or was taught by, learned from.

    A checkpoint may stand where the one it began from stood, and so name its own folder.
    """
    found = Learned([], [])
    waiting, known = [folder], set()
    while waiting:
        folder = waiting.pop().resolve()
        if folder in known:
            continue
        known.add(folder)
        told = told_by(folder)
        if told is None:
            found.unknown.append(str(folder))
            continue
        for entry in told.data["sources"] if told.data else told.recipe["data"]["train"]:
            if "source" in entry:
                found.sources.append(entry)
            else:
                _of_store(entry, found)
        teachers = [stage.get("teacher") for stage in told.recipe.get("stages", [])]
        waiting += [Path(before) for before in begun(told.recipe.get("init_from"), teachers)]
    return found


def begun(weights: str | dict[str, str] | None, teachers: Iterable[str | None]) -> list[str]:
    """Folders of the checkpoints that weights or soft labels come from."""
    folders = [weights] if isinstance(weights, str) else list((weights or {}).values())
    return [*folders, *(teacher for teacher in teachers if teacher)]


def pass_on(checkpoint: Path, adapter: Path, output: Path) -> None:
    """Write what the adapter's run tells, and a card, beside a checkpoint merged of the two.

    Sources of `checkpoint` that the adapter's run does not tell of are added. Where the run is not finished there are
    no numbers for a card; where it is not known nothing is written, so that claims on the result are called unchecked.
    """
    told = told_by(adapter)
    if told is None:
        log.warning("no run is known that left %s: the merged checkpoint does not say what it learned from", adapter)
        return
    known = {entry["source"] for entry in learned_by(adapter).sources}
    more = [entry for entry in learned_by(checkpoint).sources if entry["source"] not in known]
    recipe = {**told.recipe, "data": {**told.recipe["data"], "train": [*told.recipe["data"]["train"], *more]}}
    if more:
        recipe["zero_shot_claims"] = []  # nobody has checked them against these
    (output / RECIPE).write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    if told.data is not None:
        data = {**told.data, "sources": [*told.data["sources"], *more]}
        write_card(output, TrainRecipe.model_validate(recipe), data, None)


def _of_store(entry: dict[str, Any], found: Learned) -> None:
    """Add the sources of a store that a recipe names, or the store to what is unknown."""
    try:
        wanted = StoreRecipe.model_validate(entry)
        found.sources.extend(one.model_dump(mode="json") for one in learned_sources(wanted, open_wanted(wanted)))
    except (SettingsError, OSError, ValueError):
        found.unknown.append(str(entry.get("store")))


def _recipe(folder: Path) -> dict[str, Any] | None:
    """The training recipe in a folder; None where there is none that can be read."""
    try:
        told = yaml.safe_load((folder / RECIPE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    return told if isinstance(told, dict) and "train" in (told.get("data") or {}) else None


def _data(folder: Path) -> dict[str, Any] | None:
    listed = folder / DATA
    return json.loads(listed.read_text(encoding="utf-8")) if listed.is_file() else None
