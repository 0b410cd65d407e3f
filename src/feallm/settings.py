"""Recipes: YAML plus `key=value` overrides, checked by pydantic; and the environment variable `FEALLM_DATA`.

`FEALLM_DATA` is the folder that relative data paths of a recipe are looked up in (default: the working directory).
"""

import difflib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

Recipe = TypeVar("Recipe", bound="Strict")


class SettingsError(ValueError):
    """A recipe or an override that cannot be used; the message says where, what was expected and what to do."""


class Strict(BaseModel):
    """Base of everything read from a file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def data_root() -> Path:
    return Path(os.environ.get("FEALLM_DATA", "."))


def data_path(path: str | Path) -> Path:
    """A recipe's data path: absolute as it is, relative under `FEALLM_DATA`."""
    return data_root() / Path(path).expanduser()


def load_recipe(kind: type[Recipe], path: str | Path, overrides: list[str] | None = None) -> Recipe:
    """Read `path`, apply `a.b=value` overrides (values in YAML), and check.

    Raises:
        SettingsError: no such file, not YAML, a bad override, an unknown key (with the nearest known one) or value.
    """
    path = Path(path)
    if not path.is_file():
        raise SettingsError(f"no recipe at {path}: give the path of a YAML file, such as configs/train/tiny.yaml")
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(raw, dict):
        raise SettingsError(f"{path} must hold a mapping of settings, got {type(raw).__name__}")
    for override in overrides or []:
        _apply(raw, override)
    return checked(kind, raw, path)


def from_pairs(kind: type[Recipe], pairs: list[str], where: str) -> Recipe:
    """Settings from `key=value` pairs alone (values in YAML), called `where` in errors.

    Raises SettingsError: a bad pair, an unknown key (with the nearest known one) or value.
    """
    raw: dict[str, Any] = {}
    for pair in pairs:
        _apply(raw, pair)
    return checked(kind, raw, where)


def checked(kind: type[Recipe], raw: dict[str, Any], where: str | Path) -> Recipe:
    """Settings as they were read, called `where` in errors.

    Raises SettingsError: an unknown key (with the nearest known one) or value.
    """
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise SettingsError(_explain(kind, where, error)) from error


def near(name: str, known: Iterable[str]) -> str:
    """ ", did you mean 'x'?" where a known name is like this one, else nothing."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return f", did you mean {found[0]!r}?" if found else ""


def _apply(raw: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise SettingsError(f"override {override!r}: expected key=value, such as seed=3 or stages.0.epochs=1")
    target: Any = raw
    *parents, last = key.split(".")
    try:
        for name in parents:
            target = target[int(name)] if isinstance(target, list) else target.setdefault(name, {})
        target[int(last) if isinstance(target, list) else last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise SettingsError(f"override {override!r}: the value is not valid YAML") from error
    except (ValueError, IndexError, TypeError, AttributeError) as error:
        raise SettingsError(f"override {override!r}: no such place in the recipe ({error})") from error


def _explain(kind: type[BaseModel], source: str | Path, error: ValidationError) -> str:
    known = _keys(kind)
    lines = []
    for issue in error.errors():
        where = ".".join(str(part) for part in issue["loc"])
        line = f"  {where}: {issue['msg']}"
        if issue["type"] == "extra_forbidden":
            line = f"  {where}: unknown key{near(str(issue['loc'][-1]), known)}"
        lines.append(line)
    return f"{source} cannot be used:\n" + "\n".join(lines)


def _keys(kind: type[BaseModel]) -> list[str]:
    """Every key of a recipe class and of the classes nested in it."""
    found: list[str] = []
    for name, info in kind.model_fields.items():
        found.append(name)
        for inner in _classes(info.annotation):
            found += _keys(inner)
    return found


def _classes(annotation: Any) -> Iterator[type[BaseModel]]:
    """The recipe classes in an annotation, at any depth."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _classes(inner)
