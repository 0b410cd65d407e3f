"""What the training extra brings, looked for before a module that needs it is imported."""

from importlib.util import find_spec

from feallm.settings import SettingsError
from feallm.train.recipe import TrainRecipe


def need_training(recipe: TrainRecipe | None = None) -> None:
    """Raises SettingsError where a package is absent that training needs, by this recipe if one is given."""
    wanted = ["accelerate", "peft", "tensorboard", "pyarrow"]
    if recipe is not None and "wandb" in recipe.machine.report_to and find_spec("wandb") is None:
        raise SettingsError("machine.report_to: wandb is not installed: pip install wandb, or leave it out")
    if recipe is not None and any(stage.kind == "reinforce" for stage in recipe.stages):
        wanted += ["trl", "datasets"]
    absent = [name for name in wanted if find_spec(name) is None]
    if absent:
        raise SettingsError(f"training needs {', '.join(absent)}: pip install 'feallm[train]'")
