"""The blocks of a recipe's `model` (`vision`, `text`, `clues`, `projector`, `head`): their keys, values and configs."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from pydantic import ConfigDict, create_model
from transformers import CONFIG_MAPPING, PretrainedConfig
from transformers.backbone_utils import BackboneConfigMixin

from feallm.data.recipe import unknown
from feallm.facs.emotions import LABEL_SETS
from feallm.model.configuration import FeallmClueConfig, FeallmHeadConfig, FeallmProjectorConfig
from feallm.settings import SettingsError, Strict, checked, near

OURS: dict[str, type[PretrainedConfig]] = {
    "clues": FeallmClueConfig,
    "projector": FeallmProjectorConfig,
    "head": FeallmHeadConfig,
}
CHOICES = ("out_features", "out_indices")
"""What a recipe may ask of trained weights otherwise than they were saved, beside fewer layers."""
ROPE = ("rope_theta", "rope_scaling")
"""Former names of what `rope_parameters` holds, which the library still reads."""


class Block(Strict):
    """Base of a block: "3" is no number."""

    model_config = ConfigDict(strict=True)


def config_of(block: str, told: Mapping[str, Any]) -> PretrainedConfig:
    """The config that a block describes; `model_type` picks the class of "vision" and "text".

    Raises SettingsError: no such model_type, an unknown key (with the nearest known one), or a value of no use.
    """
    values = dict(told)
    kind = OURS[block] if block in OURS else _class(block, values.pop("model_type"))
    checked(_recipe(block, kind), values, f"model.{block}")
    try:
        config = kind(**values)
    except (StrictDataclassError, ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise SettingsError(f"model.{block} cannot be used: {error.__cause__ or error}") from error
    if isinstance(config, FeallmHeadConfig):
        _check_label_sets(config)
    return config


def _class(block: str, model_type: Any) -> type[PretrainedConfig]:
    if model_type not in CONFIG_MAPPING:
        raise SettingsError(f"model.{block}.model_type: unknown {model_type!r}{near(str(model_type), CONFIG_MAPPING)}")
    found: type[PretrainedConfig] = CONFIG_MAPPING[model_type]
    return found


def _recipe(block: str, kind: type[PretrainedConfig]) -> type[Block]:
    """The keys of a config class as a recipe; ours with their types, those of others the library looks at itself."""
    told: dict[str, Any]
    if block in OURS:
        told = {name: (annotation, None) for name, annotation in kind.__annotations__.items()}
    else:
        names = {field.name for field in fields(kind) if not field.name.startswith("_")} | set(kind.attribute_map)
        names |= set(CHOICES) if issubclass(kind, BackboneConfigMixin) else set()
        names |= set(ROPE) if "rope_parameters" in names else set()
        told = dict.fromkeys(sorted(names), (Any, None))
    made: type[Block] = create_model(kind.__name__, __base__=Block, **told)
    return made


def _check_label_sets(head: FeallmHeadConfig) -> None:
    """Raises SettingsError for a label set that faces are not labelled in: targets stand in its order."""
    for name, classes in (head.label_sets or {}).items():
        if name not in LABEL_SETS:
            raise SettingsError(f"model.head.label_sets: {unknown('label set', name, list(LABEL_SETS))}")
        if list(LABEL_SETS[name]) != classes:
            raise SettingsError(
                f"model.head.label_sets.{name} must be [{', '.join(LABEL_SETS[name])}], in this order; got {classes}"
            )
