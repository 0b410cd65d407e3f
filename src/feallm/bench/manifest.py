"""`run.json` of a run folder: which task was asked of which model, and how."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from feallm._version import __version__
from feallm.bench.predictions import RunError
from feallm.bench.responders.responder import Options, ResponderInfo
from feallm.bench.tasks.task import Task
from feallm.data.shards import differences, replace_text
from feallm.settings import Strict

RUN = "run.json"
Contamination = Literal["none", "same set", "seen", "unknown"]
FREE = frozenset({"data", "api_key_env", "concurrency", "retries", "timeout", "max_requests", "max_tokens_total"})
"""Options that no answer depends on: a run may go on with others."""

_CALLED = {
    "limit": "--limit",
    "version": "version of feallm",
    "responder.name": "model",
    "responder.model": "model",
    "responder.revision": "model's revision",
    "responder.trained_on": "trained_on",
}
"""What a user knows the parts of a manifest as."""


class Model(Strict):
    """`ResponderInfo` on disk."""

    name: str
    model: str
    revision: str
    kinds: tuple[str, ...]
    decoding: dict[str, Any]
    image_size: str
    trained_on: tuple[str, ...] | None
    note: str


def spoken_name(name: str, model: str) -> str:
    """ "feallm-head feallm-tiny": a responder and what it was opened with, the name said once."""
    return (model if model.startswith(name) else f"{name} {model}").strip()


class Manifest(Strict):
    """A run: the task as it was asked, the model, the options. `items` is how many, `fingerprint` which.

    `contamination`: "seen", the model was trained on this very split, or on pictures of it under another name; "same
    set", on another split of the set; "none", on neither; "unknown" where nobody says what it was trained on.
    """

    tool: Literal["feallm bench"] = "feallm bench"
    version: str
    task: str
    title: str
    family: str
    source: str
    split: str
    classes: tuple[str, ...]
    label_set: str
    units: tuple[str, ...]
    positive: float
    graded: bool
    is_crop: bool
    questions: dict[str, str]
    protocol: str
    headline: str
    shows_pictures: bool
    items: int
    limit: int | None
    fingerprint: str
    responder: Model
    contamination: Contamination
    options: dict[str, Any]


def manifest_of(
    task: Task, info: ResponderInfo, options: Options, items: int, fingerprint: str, limit: int | None = None
) -> Manifest:
    """The manifest of a run of `items` items."""
    model = Model(
        name=info.name,
        model=info.model,
        revision=info.revision,
        kinds=tuple(sorted(info.kinds)),
        decoding=json.loads(json.dumps(info.decoding, default=str)),
        image_size=info.image_size,
        trained_on=info.trained_on,
        note=info.note,
    )
    return Manifest(
        version=__version__,
        task=task.name,
        items=items,
        limit=limit,
        fingerprint=fingerprint,
        responder=model,
        contamination=contamination(info.trained_on, task),
        options=_options(options),
        **of_the_task(task),
    )


def of_the_task(task: Task) -> dict[str, Any]:
    """What a manifest says about its task, its name apart."""
    names = "title family source split classes label_set units positive graded is_crop protocol headline shows_pictures"
    return {name: getattr(task, name) for name in names.split()} | {"questions": dict(task.questions)}


def contamination(trained_on: tuple[str, ...] | None, task: Task) -> Contamination:
    """Whether a model was trained on a task's faces; where a training set is named without its split, on all of it."""
    if trained_on is None:
        return "unknown"
    found: Contamination = "none"
    for entry in trained_on:
        source, _, split = entry.casefold().partition(":")
        for name, part in [(task.source, task.split), *(_named(share) for share in task.shares)]:
            if source == name:
                if {split, part} & {"", "all"} or split == part:
                    return "seen"
                found = "same set"
    return found


def _named(share: str) -> tuple[str, str]:
    source, _, split = share.casefold().partition(":")
    return source, split


def _options(options: Options) -> dict[str, Any]:
    """The options as they are written down; a password in an address is not."""
    values = options.model_dump(mode="json")
    if options.base_url is not None:
        scheme, mark, rest = options.base_url.partition("://")
        host, slash, path = rest.partition("/")
        values["base_url"] = scheme + mark + host.rpartition("@")[2] + slash + path.partition("?")[0]
    return values


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `run.json`, whole or not at all."""
    replace_text(folder / RUN, json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a run folder. Raises RunError where there is none, or none that this release can read."""
    path = folder / RUN
    if not path.is_file():
        raise RunError(f"no {RUN} in {folder}: expected a folder that `feallm bench run` made")
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise RunError(
            f"{path} cannot be read by feallm {__version__} ({place + ': ' if place else ''}{first['msg']}): it is "
            "damaged, or another release wrote it; take that release, or run again into another folder"
        ) from error


def check_same(folder: Path, before: Manifest, now: Manifest) -> None:
    """Raises RunError where a folder's run is not the one that is to go on, naming the first difference."""
    old, new = (_comparable(one) for one in (before, now))
    for name, was, wanted in differences(old, new):
        called = _CALLED.get(name, name.replace("options.", "--set "))
        raise RunError(
            f"{folder} holds another run: its {called} is {_said(was)}, this one's {_said(wanted)}; choose another "
            "output folder, or take the same settings to go on"
        )


def _said(value: str) -> str:
    return "not set" if value in ("None", "nothing", "") else value


def _comparable(manifest: Manifest) -> dict[str, Any]:
    values = manifest.model_dump(mode="json")
    values["options"] = {name: held for name, held in values["options"].items() if name not in FREE}
    first = ("task", "responder", "limit", "options")
    return {name: values[name] for name in first} | values
