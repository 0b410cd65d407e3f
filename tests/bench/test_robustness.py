"""Robustness: which faces are taken, what is shown, and hand-made outcomes with known numbers."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from feallm.bench.items import Response
from feallm.bench.outcomes import outcome
from feallm.bench.perturb import PERTURBATIONS
from feallm.bench.robustness_scores import CELLS, robustness_score, robustness_tally
from feallm.bench.tasks.robustness import MINI_ROBUSTNESS, choose, views
from feallm.data.records import LabelledFace
from feallm.facs.emotions import EMOTIONS

SHARED = Path(os.environ.get("FEALLM_DATA", Path(__file__).parents[3] / "shared" / "data"))
needs_faces = pytest.mark.skipif(
    not (SHARED / "ferplus_val.parquet").is_file(), reason="needs ferplus_val.parquet in FEALLM_DATA"
)
CLASSES = MINI_ROBUSTNESS.classes


def face(name, label):
    pixels = np.random.default_rng(len(name)).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    return LabelledFace(name, pixels, "fer2013", "val", labels={"ferplus": label})


def outcomes(faces, answer):
    """`answer(face, perturbation, level)` gives a text, or None for a missing answer."""
    found = []
    for one in faces:
        for sample in views(one):
            said = answer(one, **sample.item.about)
            found.append(outcome(sample.item, None if said is None else Response(text=said), CLASSES))
    return found


def values(found):
    return {name: metric.value for name, metric in robustness_score(found).metrics.items()}


TWO = [face("fer1", "anger"), face("fer22", "happiness")]


def label(one):
    return one.labels["ferplus"]


def test_the_question_to_the_letter():
    assert MINI_ROBUSTNESS.questions == {
        "emotion": "Which of these does the face show: "
        "neutral, happiness, sadness, surprise, fear, disgust, anger or contempt?"
    }


def test_the_views_of_a_face():
    found = list(views(TWO[0]))
    assert len(found) == 31
    assert len({sample.item.sample for sample in found}) == 31
    assert [(sample.item.sample, sample.item.view) for sample in found[:2]] == [
        ("fer1:clean", ""), ("fer1:blur:1", "blur 1"),
    ]  # fmt: skip
    assert found[0].item.about == {"perturbation": "clean", "level": 0}
    assert (found[0].shown() == TWO[0].picture()).all()
    for sample in found[1:]:
        name, level = sample.item.about["perturbation"], sample.item.about["level"]
        assert (sample.shown() == PERTURBATIONS[name][level - 1](TWO[0].picture(), sample.item.sample)).all()
    assert tuple((one.item.about["perturbation"], one.item.about["level"]) for one in found) == CELLS


def test_faces_are_taken_class_by_class_as_far_as_they_go():
    faces = [face(f"n{number}", "neutral") for number in range(50)]
    faces += [face(f"a{number}", "anger") for number in range(8)] + [face(f"c{number}", "contempt") for number in "12"]
    faces.append(LabelledFace("tie", TWO[0].image, "fer2013", "val"))
    chosen = choose(faces, 20)
    assert Counter(map(label, chosen)) == {"neutral": 10, "anger": 8, "contempt": 2}
    assert [label(one) for one in chosen[:3]] == ["neutral", "anger", "contempt"]
    assert [one.id for one in choose(reversed(faces), 20)] == [one.id for one in chosen], "the order does not matter"
    assert len(choose(faces, 200)) == 60
    assert [one.id for one in chosen if label(one) == "neutral"] != [f"n{number}" for number in range(10)]


def test_a_model_that_is_always_right():
    assert values(outcomes(TWO, lambda one, **_: label(one))) == {
        "relative_accuracy": 1, "clean_accuracy": 1, "mean_accuracy": 1, "consistency": 1,
    }  # fmt: skip


def test_what_is_lost_and_where():
    def answer(one, perturbation, level):  # the anger is lost from level 3 of noise on, happiness becomes unreadable
        if perturbation == "noise" and level >= 3:
            return "sadness" if one is TWO[0] else "I'm sorry, I cannot help."
        return label(one)

    score = robustness_score(outcomes(TWO, answer))
    assert score.metrics["relative_accuracy"].value == pytest.approx(27 / 30)
    assert score.metrics["consistency"].value == pytest.approx(54 / 60)
    levels = {(row["perturbation"], row["level"]): row for row in score.tables["levels"]}
    assert levels["noise", 3] == {"perturbation": "noise", "level": 3, "n": 2, "accuracy": 0, "relative": 0}
    assert levels["noise", 2]["accuracy"] == 1
    noise = next(row for row in score.tables["perturbations"] if row["perturbation"] == "noise")
    assert noise == {"perturbation": "noise", "n": 10, "accuracy": pytest.approx(0.4), "relative": pytest.approx(0.4)}


def test_relative_is_to_the_clean_accuracy_and_consistent_is_not_right():
    found = outcomes(TWO, lambda one, perturbation, level: "anger" if level < 5 else "fear")
    assert values(found) == {
        "relative_accuracy": pytest.approx(24 / 30),
        "clean_accuracy": 0.5,
        "mean_accuracy": pytest.approx(12 / 30),
        "consistency": pytest.approx(24 / 30),
    }


def test_a_clean_picture_without_an_answer_has_nothing_to_be_consistent_with():
    def answer(one, perturbation, level):
        return None if one is TWO[0] and level == 0 else label(one)

    found = outcomes(TWO, answer)
    assert values(found)["clean_accuracy"] == 0.5
    assert values(found)["relative_accuracy"] == 2
    assert robustness_tally(found).rows.sum(0)[-2:].tolist() == [30, 30]
    results = robustness_score(found).results
    assert (results[0]["fate"], results[1]["same"], results[32]["same"]) == ("missing", None, True)


def test_nothing_right_on_clean_pictures_is_undefined():
    found = values(outcomes(TWO, lambda one, **_: "fear"))
    assert found["relative_accuracy"] is None
    assert (found["mean_accuracy"], found["consistency"]) == (0, 1)


def test_views_of_a_face_are_resampled_together():
    tally = robustness_tally(outcomes(TWO, lambda one, **_: label(one)))
    assert tally.groups == ("fer1",) * 31 + ("fer22",) * 31


@needs_faces
def test_the_faces_of_the_task():
    found = list(MINI_ROBUSTNESS.samples(SHARED, "val"))
    assert len(found) == 200 * 31
    assert len({sample.item.sample for sample in found}) == len(found)
    labels = Counter(sample.item.truth.emotion for sample in found[::31])
    assert labels.keys() == set(EMOTIONS)
    assert labels["contempt"] == 18
    assert labels["disgust"] == 20
    assert max(labels.values()) - min(labels[name] for name in EMOTIONS if name not in ("contempt", "disgust")) <= 1
