"""What a checkpoint's own answers earn: the rewards of `reinforce`, on faces that nothing was trained on.

    python benchmarks/rewards.py --data DIR [--model CHECKPOINT] [--faces 900] [--json FILE]

DIR holds ferplus_val.parquet and fea_au_val.csv. One question about each face, of the families and shares of
configs/train/tiny-reinforce.yaml, the same for every checkpoint; answered greedily by the language model alone. Faces
with action-unit codes come first; those that repeat a training picture are left out. `reward` is the composite: the
mean of the rewards that apply to the question, by their weights.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from common import Row, aligned, arguments, batches, interval, numbers, resamples, show, validation, write

from feallm.analyze import Analyzer
from feallm.data.records import LabelledFace
from feallm.data.sources.au_codes import read_codes, with_codes
from feallm.settings import load_recipe
from feallm.train.asked import Asked, ask_all
from feallm.train.recipe import ReinforceRecipe, TrainRecipe
from feallm.train.rewards import REWARDS, Weights, scores

RECIPE = Path(__file__).parent.parent / "configs" / "train" / "tiny-reinforce.yaml"


def composite(earned: dict[str, float], weights: Weights) -> float:
    """The mean by weight of the rewards that apply: 0..1."""
    share = weights.model_dump()
    return sum(share[name] * value for name, value in earned.items()) / sum(share[name] for name in earned)


def faces_of(data: Path, count: int) -> list[LabelledFace]:
    """Validation faces without repeats, coded ones first."""
    faces = list(with_codes(validation(data, copies=False), read_codes(data / "fea_au_val.csv")))
    return sorted(faces, key=lambda face: not face.action_units)[:count]


def answers(analyzer: Analyzer, faces: Sequence[LabelledFace], asked: Sequence[Asked], longest: int) -> list[str]:
    """The language model's greedy answer to each question."""
    engine = analyzer.engine
    return [
        text
        for part in batches(asked)
        for text in engine.generate(
            engine.encode(aligned(analyzer, [faces[each.row].picture() for each in part])),
            [list(each.conversation) for each in part],
            longest,
        )
    ]


def measure(data: Path, model: str | None, count: int, settings: ReinforceRecipe) -> dict[str, Row]:
    """Mean of the composite, with its interval, and of each reward; the composite of each family."""
    faces = faces_of(data, count)
    analyzer = Analyzer(model, detector="none", batch_size=64)
    pictures = [face.picture() for face in faces]
    read = {
        name: numbers(Analyzer(model, detector="none", batch_size=64, label_set=name), pictures)
        for name in ("ferplus", "fer2013")
    }
    readings = [{name: several[row] for name, several in read.items()} for row in range(len(faces))]
    asked = ask_all(faces, readings, settings.families, per_face=1, seed=0)
    texts = answers(analyzer, faces, asked, settings.max_completion_length)
    earned = [scores(text, each.truth) for text, each in zip(texts, asked, strict=True)]
    reward = np.array([composite(each, settings.weights) for each in earned])
    means = {name: float(np.mean([each[name] for each in earned if name in each])) for name in REWARDS}
    families = {name: float(reward[[each.truth.family == name for each in asked]].mean()) for name in settings.families}
    drawn = (resamples(len(reward)) * reward).sum(axis=1) / len(reward)
    row: Row = {"n": len(asked), "reward": float(reward.mean()), "reward_95": interval(drawn)}
    return {"answers": {**row, "rewards": means, "families": families}}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--faces", type=int, default=900)
    options = parser.parse_args()
    stages = load_recipe(TrainRecipe, RECIPE).stages
    settings = next(stage.reinforce for stage in stages if stage.reinforce is not None)
    result = measure(options.data, options.model, options.faces, settings)
    for name, row in result.items():
        show(name, row)
    write(result, options.json)


if __name__ == "__main__":
    main()
