"""Intervention tests: which units are chosen, what is shown, and hand-made outcomes with known numbers."""

import io
import os
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from feallm.bench import mini
from feallm.bench.cause_scores import apart, cause_score, cause_tally
from feallm.bench.items import Request, Response
from feallm.bench.outcomes import outcome
from feallm.bench.perturb import brighter, darker, hide, mirrored
from feallm.bench.tasks.cause import MINI_CAUSE, MINI_CAUSE_REASON, choose_units
from feallm.data.sources.fer2013 import VOTES
from feallm.faces.regions import AU_REGIONS, control_boxes
from tests.cli.conftest import packaged

SHARED = Path(os.environ.get("FEALLM_DATA", Path(__file__).parents[3] / "shared" / "data"))
needs_faces = pytest.mark.skipif(
    not (SHARED / "ferplus_val.parquet").is_file(), reason="needs ferplus_val.parquet in FEALLM_DATA"
)
SMILE, BROWS = "fer0032144", "fer0031543"
"""Two of the coded faces: both passes see AU06, AU12 and AU25 in the one, AU04, AU07 and AU25 in the other."""


def write_faces(folder, labels):
    """A FER2013 in Parquet form with drawn pictures: id -> FER+ class."""
    rng = np.random.default_rng(0)
    rows = []
    for face, label in labels.items():
        stream = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (48, 48), dtype=np.uint8)).save(stream, "PNG")
        votes = {f"votes_{name}": 10 * (name == label) for name in VOTES}
        rows.append({"id": face, "image": stream.getvalue(), "fer2013": "happiness", "copy_of": None, **votes})
    pq.write_table(pa.Table.from_pylist(rows), folder / "ferplus_val.parquet")
    return folder


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return write_faces(tmp_path_factory.mktemp("fer"), {SMILE: "happiness", BROWS: "anger"})


def samples(task, path):
    return list(task.samples(path, task.split))


def outcomes(task, path, answer):
    """An outcome for each item; `answer(face, unit, part, kind)` gives a text, a Response, or None (missing)."""
    found = []
    for sample in samples(task, path):
        item = sample.item
        given = answer(item.face, item.about["unit"], item.about["part"], item.kind)
        found.append(outcome(item, Response(text=given) if isinstance(given, str) else given, task.classes))
    return found


def values(found):
    return {name: metric.value for name, metric in cause_score(found).metrics.items()}


def test_the_questions_to_the_letter():
    emotions = "neutral, happiness, sadness, surprise, fear, disgust, anger or contempt"
    assert MINI_CAUSE.questions == {
        "aus": "Which facial action units are visible?",
        "emotion": f"Which of these does the face show: {emotions}?",
    }
    assert MINI_CAUSE_REASON.questions == {
        "reason": f"Which of these emotions does the face show, and why: {emotions}? "
        "Name the action units that make it."
    }


def test_units_are_chosen_by_prototype_then_by_strength():
    passes = ({"AU04": 5, "AU06": 1, "AU12": 3, "AU25": 3, "AU26": 5}, {"AU04": 5, "AU06": 3, "AU12": 3, "AU25": 1})
    assert choose_units("happiness", passes) == ("AU12", "AU06")
    assert choose_units("neutral", passes) == ("AU04", "AU12"), "AU26 is in one pass only"
    assert choose_units(None, passes) == ("AU04", "AU12")
    assert choose_units("happiness", ({"AU12": 0.0}, {"AU12": 3})) == ()
    assert choose_units("happiness", ()) == ()


def test_the_items_of_a_face_in_order(faces):
    found = [sample.item for sample in samples(MINI_CAUSE, faces)]
    assert [item.sample for item in found[:9]] == [
        "fer0032144:original:aus",
        "fer0032144:AU12:hidden:aus",
        "fer0032144:AU12:control:aus",
        "fer0032144:AU06:hidden:aus",
        "fer0032144:AU06:control:aus",
        "fer0032144:original:emotion",
        "fer0032144:mirrored:emotion",
        "fer0032144:darker:emotion",
        "fer0032144:brighter:emotion",
    ]
    assert found[1].about == {"unit": "AU12", "part": "hidden"}
    assert (found[0].view, found[1].view, found[6].view) == ("", "AU12 hidden", "mirrored")
    assert {item.face for item in found[9:]} == {BROWS}
    assert found[0].truth.emotion == "happiness"
    assert len(found[0].truth.units) == 2
    reasons = [sample.item.sample for sample in samples(MINI_CAUSE_REASON, faces)][:3]
    assert reasons == [
        "fer0032144:original:reason", "fer0032144:AU12:hidden:reason", "fer0032144:AU12:control:reason",
    ]  # fmt: skip


def test_what_is_shown(faces):
    shown = {sample.item.sample: sample.shown() for sample in samples(MINI_CAUSE, faces)}
    original = next(iter(mini.coded(faces))).picture()
    boxes = AU_REGIONS["AU12"]
    wanted = {
        "original:aus": original,
        "AU12:hidden:aus": hide(original, boxes),
        "AU12:control:aus": hide(original, control_boxes(boxes)),
        "original:emotion": original,
        "mirrored:emotion": mirrored(original),
        "darker:emotion": darker(original),
        "brighter:emotion": brighter(original),
    }
    for name, picture in wanted.items():
        assert (shown[f"{SMILE}:{name}"] == picture).all(), name
    assert (shown[f"{SMILE}:AU12:hidden:aus"] != original).any()


def test_a_face_without_units_that_both_passes_see_is_left_out(tmp_path):
    blank = next(
        face for face, passes in mini.codes().items() if not choose_units(None, [one.strengths for one in passes])
    )
    found = samples(MINI_CAUSE, write_faces(tmp_path, {blank: "neutral", SMILE: "happiness"}))
    assert {sample.item.face for sample in found} == {SMILE}


def ideal(face, unit, part, kind):
    if kind == "emotion":
        return "happiness"
    seen = {"AU04", "AU06", "AU07", "AU12", "AU25"} - ({unit} if part == "hidden" else set())
    return ", ".join(sorted(seen))


def test_a_model_that_sees_what_it_claims_scores_1(faces):
    found = values(outcomes(MINI_CAUSE, faces, ideal))
    names = ("causal_score", "claim_withdrawn", "claim_kept", "others_kept", "claimed")
    assert [found[name] for name in names] == [1, 1, 1, 1, 1]
    assert [found[f"verdict_{view}"] for view in ("mirrored", "darker", "brighter")] == [1, 1, 1]
    assert (found["claims"], found["unread"], found["drop"]) == (4, 0, None)


def test_a_constant_answer_scores_0(faces):
    found = values(outcomes(MINI_CAUSE, faces, lambda *_: "AU04, AU12: happiness"))
    assert (found["causal_score"], found["claim_withdrawn"], found["claim_kept"]) == (0, 0, 1)
    assert (found["claims"], found["claimed"]) == (2, 0.5)


def test_a_random_answer_scores_near_0(tmp_path):
    path = write_faces(tmp_path, dict.fromkeys(mini.codes(), "happiness"))
    rng = random.Random(0)
    found = cause_score(
        outcomes(
            MINI_CAUSE, path, lambda *_: Response(present=tuple(unit for unit in AU_REGIONS if rng.random() < 0.5))
        )
    )
    metric = found.metrics["causal_score"]
    assert abs(metric.value) < 0.12
    assert metric.low < 0 < metric.high


def test_an_answer_that_cannot_be_read_is_neither_withdrawn_nor_kept(faces):
    def answer(face, unit, part, kind):
        if (face, part) == (SMILE, "hidden"):
            return {"AU12": "I'm sorry, I cannot analyze this face.", "AU06": None}[unit]
        if (face, part) == (SMILE, "control"):
            return {"AU12": Response("no_face"), "AU06": "A face."}[unit]
        return ideal(face, unit, part, kind)

    found = outcomes(MINI_CAUSE, faces, answer)
    assert {name: values(found)[name] for name in ("claims", "claim_withdrawn", "claim_kept", "unread")} == {
        "claims": 4, "claim_withdrawn": 0.5, "claim_kept": 0.5, "unread": 0.5,
    }  # fmt: skip
    assert values(found)["causal_score"] == 0
    units = {row["unit"]: row for row in cause_score(found).tables["units"]}
    assert (units["AU12"]["claims"], units["AU12"]["causal_score"]) == (1, -1)


def test_without_an_original_answer_there_is_no_claim(faces):
    found = values(outcomes(MINI_CAUSE, faces, lambda face, unit, part, kind: None if part == "original" else "AU12"))
    assert (found["claims"], found["claimed"], found["causal_score"]) == (0, 0, None)
    assert found["verdict_mirrored"] is None


def test_only_units_whose_regions_do_not_overlap_must_stay(faces):
    assert apart("AU12", ["AU04", "AU06", "AU12", "AU25", "AU45"]) == ["AU04", "AU06"]
    assert apart("AU04", ["AU01", "AU07", "AU12"]) == ["AU12"]

    def answer(face, unit, part, kind):  # AU25 lies under AU12's region and may go; AU04 must stay, and does not
        return "AU06" if (unit, part) == ("AU12", "hidden") else "AU04, AU06, AU12, AU25"

    metrics = values([one for one in outcomes(MINI_CAUSE, faces, answer) if one.item.about["unit"] in ("", "AU12")])
    assert metrics["others_kept"] == 0.5
    assert metrics["causal_score"] == 1


def test_drops_of_probabilities(faces):
    chance = {"original": 0.9, "hidden": 0.3, "control": 0.8}

    def answer(face, unit, part, kind):
        if kind == "emotion":
            return Response(emotion="anger")
        claimed = ("AU04", "AU06", "AU12")  # of AU25 and AU07 there is no claim, so theirs do not count
        return Response(present=claimed, presence=dict.fromkeys((*claimed, "AU07", "AU25"), chance[part]))

    found = values(outcomes(MINI_CAUSE, faces, answer))
    assert found["drop"] == pytest.approx(0.6)
    assert found["control_drop"] == pytest.approx(0.1)
    assert found["causal_score"] == 0, "the answers are what counts, not the probabilities"


def test_verdicts_that_change(faces):
    def answer(face, unit, part, kind):
        if kind == "aus":
            return "none"
        said = {"mirrored": "anger", "darker": "It is hard to say."}
        return said.get(part, "happiness") if face == SMILE else "anger"

    score = cause_score(outcomes(MINI_CAUSE, faces, answer))
    assert [score.metrics[f"verdict_{view}"].value for view in ("mirrored", "darker", "brighter")] == [0.5, 0.5, 1]
    assert score.tables["views"][0] == {"view": "mirrored", "n": 2, "kept": 0.5}


def test_results_say_what_followed(faces):
    found = cause_score(outcomes(MINI_CAUSE, faces, ideal)).results
    assert found[1] == {
        "sample": "fer0032144:AU12:hidden:aus", "unit": "AU12", "part": "hidden", "fate": "answered",
        "answer": "AU04 AU06 AU07 AU25", "right": True,
    }  # fmt: skip
    assert found[0]["right"] is None
    assert len(found) == 18


def test_faces_are_resampled_and_rows_are_items(faces):
    tally = cause_tally(outcomes(MINI_CAUSE, faces, ideal))
    assert tally.rows.shape[0] == 18
    assert tally.groups == (SMILE,) * 9 + (BROWS,) * 9


def test_causes_of_a_reason(faces):
    seen = "The face shows happiness. AU06 is there. It is happiness because of AU12."
    without = "The face shows happiness. It is happiness because of AU25."

    def answer(face, unit, part, kind):
        if face == BROWS:  # its unit is named, but as no cause: there is no claim
            return "The face shows anger. AU04 and AU07 are there."
        return without if part == "hidden" else seen

    found = values(outcomes(MINI_CAUSE_REASON, faces, answer))
    assert (found["claims"], found["claimed"], found["causal_score"]) == (1, 0.5, 1)

    def vague(face, unit, part, kind):
        return "A pretty picture." if part == "hidden" else seen

    found = values(outcomes(MINI_CAUSE_REASON, faces, vague))
    assert (found["claim_withdrawn"], found["claim_kept"]) == (0, 1), "a text without a verdict withdraws nothing"


@needs_faces
@pytest.mark.skipif(not packaged(), reason="the packaged checkpoint is not there")
def test_the_packaged_model_rests_its_claims_on_the_face():
    from feallm.bench.responders import Options, open_responder

    task, responder = MINI_CAUSE, open_responder("feallm", Options(detector="none", device="cpu"))
    chosen = [sample for sample in samples(task, SHARED) if sample.item.kind == "aus"][:100]
    requests = [
        Request(one.item.sample, one.item.kind, one.item.question, one.shown(), task.is_crop, units=task.units)
        for one in chosen
    ]
    answers = responder.respond(requests)
    found = values([outcome(one.item, answer) for one, answer in zip(chosen, answers, strict=True)])
    assert found["claims"] > 20
    assert found["causal_score"] > 0.2
    assert found["drop"] > found["control_drop"] + 0.1
