"""Scores of texts: worked examples by hand, items without a text, intervals, and the tasks on real labels."""

import itertools
import json
import os
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

from feallm.bench.items import Item, Response, Truth
from feallm.bench.outcomes import outcome
from feallm.bench.references import reference
from feallm.bench.resample import differences
from feallm.bench.rouge import rouge_l
from feallm.bench.tasks.describe import (
    FABA_DESCRIBE_AUS,
    FABA_DESCRIBE_EMOTION,
    MINI_DESCRIBE_AUS,
    MINI_DESCRIBE_EMOTION,
)
from feallm.bench.tasks.reason import MINI_REASON
from feallm.bench.text_scores import text_score, text_tally
from feallm.data.records import LabelledFace
from feallm.facs.answers import read_answer

DATA = Path(os.environ.get("FEALLM_DATA", Path(__file__).parents[3] / "shared" / "data"))
NUMBERS = itertools.count()
SMILE = "The expression is happiness, because the cheeks are raised (AU6) and the lip corners are pulled up (AU12)."


def told(text, kind="describe_emotion", emotion=None, units=(), reference=None, status="ok", own=None):
    name = f"s{next(NUMBERS)}"
    item = Item(name, name, kind, "Why?", Truth(emotion, tuple(units), reference))
    return outcome(item, None if status == "missing" else Response(status, text=text, emotion=own))


def values(outcomes, about="emotion", headline="rege", **more):
    return {name: metric.value for name, metric in text_score(outcomes, about, headline, **more).metrics.items()}


def coded(**strengths):
    return {f"AU{name[2:].zfill(2)}": strength for name, strength in strengths.items()}


def test_label_accuracy_counts_what_is_no_answer():
    found = values(
        [
            told("The face shows anger.", emotion="anger"),
            told("The face shows no anger.", emotion="anger"),
            told("It shows fear.", emotion="anger"),
            told("It is hard to say.", emotion="anger"),
            told(None, emotion="anger"),
            told(None, emotion="anger", status="missing"),
            told(None, emotion="anger", status="no_face"),
            told("I'm sorry, I cannot identify that.", emotion="anger"),
            told("The face shows anger.", emotion=None),
        ]
    )
    assert found["label_accuracy"] == pytest.approx(1 / 8)
    assert found["s_re"] == pytest.approx(100 / 8)
    assert found["answered"] == pytest.approx(5 / 9)
    assert found["contradiction_rate"] == pytest.approx(2 / 4)  # denied, and another one; of texts with a label


def test_claims_by_hand_over_two_passes():
    both = [coded(AU6=3, AU12=3, AU4=0, AU1=0), coded(AU6=0, AU12=1, AU4=0)]
    found = values([told("AU6, AU4 and AU1 are visible. AU9 too.", units=both)], "aus")
    # AU09 was judged by no pass. First: AU6 right, AU4 and AU1 wrong, AU12 missed. Second: AU6 and AU4 wrong.
    assert found["claim_precision"] == pytest.approx((1 / 3 + 0) / 2)
    assert found["claim_recall"] == pytest.approx((1 / 2 + 0) / 2)
    assert found["claim_f1"] == pytest.approx((2 / 5 + 0) / 2)
    # over AU01, AU04, AU06 and AU12, the only judged ones of the twelve: AU06 is right in one pass of two
    assert found["s_re"] == pytest.approx(100 * (0 + 0 + 0.5 + 0) / 4)


def test_a_missing_text_misses_every_unit():
    units = [coded(AU12=3, AU4=0)]
    right = told("AU12 is present.", "describe_aus", units=units)
    missing = told(None, "describe_aus", units=units, status="missing")
    found = values([right, missing], "aus")
    assert (found["claim_precision"], found["claim_recall"]) == (1, 0.5)
    assert found["unit_contradiction_rate"] == 0


@pytest.mark.parametrize(
    ("text", "units", "contradicts"),
    [
        ("AU12 is present.", [coded(AU12=3)], False),
        ("AU12 is present.", [coded(AU12=0)], True),
        ("AU12 is present.", [coded(AU12=0), coded(AU12=1)], False),  # one pass bears it
        ("AU12 is present.", [coded(AU4=0)], False),  # nobody looked
        ("AU12 is absent.", [coded(AU12=3), coded(AU12=5)], True),
        ("AU12 is absent.", [coded(AU12=3), coded(AU12=0)], False),
        ("No action units are present.", [coded(AU12=3)], True),
        ("No action units are present.", [coded(AU12=0)], False),
        ("AU12 might be present.", [coded(AU12=0)], False),
    ],
)
def test_what_contradicts_the_codes(text, units, contradicts):
    found = values([told(text, "describe_aus", units=units)], "aus")
    assert found["unit_contradiction_rate"] == found["contradiction_rate"] == float(contradicts)


def test_rege_is_recognition_and_rouge_over_items_with_a_reference():
    outcomes = [
        told("The face shows anger.", emotion="anger", reference="The face shows anger."),
        told("The face shows anger.", emotion="fear", reference="This is fear."),
        told(None, emotion="fear", reference="This is fear."),
        told("Fear.", emotion="fear"),
    ]
    found = values(outcomes)
    assert found["s_re"] == 50
    assert found["s_ge"] == pytest.approx(100 * (1 + rouge_l("This is fear.", "The face shows anger.") + 0) / 3)
    assert found["rege"] == pytest.approx(found["s_re"] + found["s_ge"])
    assert next(iter(found)) == "rege"
    assert next(iter(values(outcomes, headline="label_accuracy"))) == "label_accuracy"


def test_compat_and_strict_stand_side_by_side():
    outcomes = [
        told("A wrinkled nose: disgust. The mouth is calm.", emotion="disgust", reference="It is disgust."),
        told("The lips are still.", emotion="happiness", reference="A smile."),
    ]
    score = text_score(outcomes, "emotion", "rege", as_published=True)
    assert score.metrics["s_re"].value == 50
    assert score.metrics["s_re_compat"].value == 50
    assert [row["right"] for row in score.results] == [True, False]  # the published scorer: the other way round
    assert [row["scorer"] for row in score.tables["rege"]] == ["strict", "published"]
    stopped = text_score([*outcomes, told("Anger", emotion="anger", reference="x")], "emotion", "rege", True)
    assert stopped.metrics["rege_compat"].value is None
    assert stopped.metrics["compat_failures"].value == 1
    assert stopped.tables["rege"][2]["s_re"] == 50
    assert stopped.tables["rege"][2]["n"] == 2
    assert stopped.metrics["s_re"].value == pytest.approx(200 / 3)


def test_reasons_causes_and_soundness():
    happy = [coded(AU6=3, AU12=3, AU4=0)]
    outcomes = [
        told(SMILE, "reason", "happiness", happy),
        told("The face shows happiness.", "reason", "happiness", happy),  # no cause
        told("The expression is happiness, because of AU12 and AU4.", "reason", "happiness", happy),  # AU4 is not there
        told(SMILE, "reason", "fear", [coded(AU6=0, AU12=0)]),
        told("The expression is neutral.", "reason", "neutral", [coded(AU6=0)]),
        told(None, "reason", "fear", status="missing"),
    ]
    found = values(outcomes, "reason", "sound_rate")
    assert found["sound_rate"] == pytest.approx(2 / 6)
    assert found["causes_named"] == pytest.approx(3 / 5)  # all but the neutral one
    assert found["cause_support"] == pytest.approx(5 / 6)  # AU4 makes no happiness
    assert found["cause_precision"] == pytest.approx(3 / 6)
    assert found["label_accuracy"] == pytest.approx(4 / 6)
    assert next(iter(found)) == "sound_rate"


def test_agreement_with_the_models_own_label():
    found = values(
        [
            told("The face shows fear.", emotion="anger", own="fear"),
            told("The face shows anger.", emotion="anger", own="fear"),
            told("It moves.", emotion="anger", own="fear"),
            told("The face shows anger.", emotion="anger"),
        ]
    )
    assert found["own_label_agreement"] == pytest.approx(1 / 3)
    item = Item("x", "x", "describe_emotion", "Why?", Truth("fear"))
    scored = outcome(item, Response(text="The face shows fear.", scores={"anger": 0.2, "fear": 0.8}))
    assert values([scored])["own_label_agreement"] == 1


def test_distinct_texts_and_their_length():
    found = values([told("The face shows fear."), told("The face shows fear."), told("Fear."), told(None)])
    assert (found["distinct_texts"], found["mean_words"]) == (pytest.approx(2 / 3), 3)


def test_nothing_is_no_number():
    for outcomes in ([], [told(None, status="missing")]):
        found = values(outcomes, as_published=True)
        assert found["label_accuracy"] is None
        assert found["claim_f1"] is None
        assert found["mean_words"] is None


def test_intervals_and_paired_differences():
    rng = Random(0)
    texts = ["The face shows anger.", "The face shows fear."]
    first = [told(rng.choice(texts), emotion="anger", reference=texts[0]) for _ in range(80)]
    second = [told(texts[0], emotion="anger", reference=texts[0]) for _ in range(80)]
    metric = text_score(first, "emotion", "rege").metrics["label_accuracy"]
    assert metric.low < metric.value < metric.high
    found = differences(text_tally(second, "emotion", "rege"), text_tally(first, "emotion", "rege"))["label_accuracy"]
    assert found.low > 0
    assert found.difference == pytest.approx(1 - metric.value)


def test_tables_have_support():
    score = text_score(
        [told("AU12.", emotion="fear", units=[coded(AU12=3), coded(AU12=0)])], "emotion", "label_accuracy"
    )
    row = next(row for row in score.tables["units"] if row["unit"] == "AU12")
    assert (row["n"], row["positives"]) == (2, 1)
    assert score.tables["classes"] == [{"class": "fear", "n": 1, "right": 0, "recall": 0.0}]


def face(**known):
    shares = {"ferplus": tuple(1.0 if place == 1 else 0.0 for place in range(8))}
    units = {"AU06": 3.0, "AU12": 3.0, "AU04": 0.0}
    return LabelledFace("f1", np.zeros((8, 8), np.uint8), "fer2013", "val", shares, **{"action_units": units, **known})


def test_references_say_what_the_labels_say_and_stay_the_same():
    labels = {"ferplus": "happiness", "fer2013": "fear"}
    for kind in ("describe_emotion", "describe_aus", "reason"):
        text = reference(face(labels=labels), kind, "ferplus")
        assert text == reference(face(labels=labels), kind, "ferplus")
        read = read_answer(text)
        assert set(read.aus) <= {"AU06", "AU12"}
        assert read.emotion == (None if kind == "describe_aus" else "happiness")
    assert reference(face(labels={"fer2013": "fear"}), "reason", "ferplus") is None
    seeds = {reference(face(labels=labels), "reason", "ferplus", seed) for seed in range(8)}
    assert len(seeds) > 4


@pytest.mark.skipif(not (DATA / "ferplus_val.parquet").is_file(), reason="needs ferplus_val.parquet in FEALLM_DATA")
@pytest.mark.parametrize("task", [MINI_DESCRIBE_EMOTION, MINI_DESCRIBE_AUS, MINI_REASON], ids=lambda task: task.name)
def test_mini_tasks_give_their_references_full_marks(task):
    samples = list(task.samples(DATA, task.split))
    assert len(samples) == (239 if task is MINI_DESCRIBE_AUS else 233)
    assert len({sample.item.sample for sample in samples}) == len(samples)
    assert {len(sample.item.truth.units) for sample in samples} == {2}
    outcomes = [outcome(s.item, Response(text=s.item.truth.reference), task.classes) for s in samples]
    found = task.score(outcomes).metrics
    assert next(iter(found)) == task.headline
    assert found["contradiction_rate"].value == 0
    assert found["s_ge"].value == pytest.approx(100)
    assert found[task.headline].value > 0.9
    shifted = [outcome(s.item, Response(text=t.item.truth.reference)) for s, t in itertools.pairwise(samples)]
    assert task.score(shifted).metrics[task.headline].value < 0.5


def test_faba_tasks_take_its_lists(tmp_path):
    folder = tmp_path / "FABAInstruct" / "eval"
    (folder / "images").mkdir(parents=True)
    lists = {"emotion": [], "au": []}
    for number, (emotion, units) in enumerate([("0", "12, 6"), ("3", "4")]):
        Image.new("RGB", (16, 16), (40 * number, 0, 0)).save(folder / "images" / f"{number}.png")
        entry = {"id": f"p{number}", "image": f"images/{number}.png"}
        lists["emotion"].append({**entry, "label": emotion, "gpt4": "The face shows anger. It frowns."})
        lists["au"].append({**entry, "label": units, "gpt4": f"AU{units.split(',')[0]} is present."})
    for name, rows in lists.items():
        (folder / f"eval_{name}_anno.json").write_text(json.dumps(rows))
    samples = list(FABA_DESCRIBE_AUS.samples(tmp_path, "test"))
    assert [{u for u, s in each.item.truth.units[0].items() if s} for each in samples] == [{"AU06", "AU12"}, {"AU04"}]
    assert len(samples[0].item.truth.units[0]) == 20  # what is not listed is absent
    outcomes = [outcome(each.item, Response(text="AU12 is present. AU4 is not.")) for each in samples]
    found = FABA_DESCRIBE_AUS.score(outcomes).metrics
    assert found["s_re_compat"].value == pytest.approx(100 * (2 / 3 + 2 / 3 + 0) / 3)  # AU4 and AU12 in both
    assert found["s_re"].value == pytest.approx(100 * (2 / 3) / 12)
    expressions = list(FABA_DESCRIBE_EMOTION.samples(tmp_path, "test"))
    assert [each.item.truth.emotion for each in expressions] == ["happiness", "anger"]
    assert expressions[0].item.truth.reference == "The face shows anger. It frowns."
    with pytest.raises(FileNotFoundError):
        list(FABA_DESCRIBE_AUS.samples(tmp_path / "nowhere", "test"))
