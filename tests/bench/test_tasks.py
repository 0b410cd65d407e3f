"""Every task: its question to the letter, its faces out of a copy in the owners' layout, and known numbers."""

import csv
import os
from collections import Counter
from pathlib import Path

import pytest

from feallm.bench.items import KINDS, Response
from feallm.bench.outcomes import outcome
from feallm.bench.tasks import SUITES, TASKS, find
from feallm.bench.tasks.by_fold import fold_people
from feallm.data.sources import SOURCES, folds
from feallm.data.sources.fer2013 import VOTES
from feallm.facs.emotions import LABEL_SETS
from tests.data import test_sources_affectnet as affectnet
from tests.data import test_sources_bp4d as bp4d
from tests.data import test_sources_disfa as disfa
from tests.data import test_sources_rafau as rafau
from tests.data import test_sources_rafdb as rafdb

SHARED = Path(os.environ.get("FEALLM_DATA", Path(__file__).parents[3] / "shared" / "data"))
needs_faces = pytest.mark.skipif(
    not (SHARED / "ferplus_val.parquet").is_file(), reason="needs ferplus_val.parquet in FEALLM_DATA"
)
SEVEN = "Which of these does the face show: neutral, happiness, sadness, surprise, fear, disgust or anger?"
EIGHT = "Which of these does the face show: neutral, happiness, sadness, surprise, fear, disgust, anger or contempt?"
WHY = (
    "Which of these emotions does the face show, and why: neutral, happiness, sadness, surprise, fear, disgust, anger "
    "or contempt? Name the action units that make it."
)
MINI = (
    "fer2013", "ferplus", "fea_au", "describe_emotion", "describe_aus", "reason", "cause", "cause_reason",
    "robustness",
)  # fmt: skip
FROM_THESE = "Which of these action units are visible: "
GOLDEN = {
    "mini_fer2013": {"emotion": SEVEN},
    "mini_ferplus": {"emotion": EIGHT},
    "mini_fea_au": {"aus": "Which facial action units are visible?"},
    "mini_describe_emotion": {"describe_emotion": "Please describe the expression in this face."},
    "mini_describe_aus": {"describe_aus": "Describe the action units of this face by region."},
    "mini_reason": {"reason": WHY},
    "mini_cause": {"aus": "Which facial action units are visible?", "emotion": EIGHT},
    "mini_cause_reason": {"reason": WHY},
    "mini_robustness": {"emotion": EIGHT},
    "rafdb": {"emotion": SEVEN},
    "affectnet7": {"emotion": SEVEN},
    "affectnet8": {"emotion": EIGHT},
    "fer2013": {"emotion": SEVEN},
    "ferplus": {"emotion": EIGHT},
    "bp4d": {"aus": f"{FROM_THESE}AU1, AU2, AU4, AU6, AU7, AU10, AU12, AU14, AU15, AU17, AU23 or AU24?"},
    "disfa": {"aus": f"{FROM_THESE}AU1, AU2, AU4, AU6, AU9, AU12, AU25 or AU26?"},
    "disfa12": {"aus": f"{FROM_THESE}AU1, AU2, AU4, AU5, AU6, AU9, AU12, AU15, AU17, AU20, AU25 or AU26?"},
    "rafau": {
        "aus": f"{FROM_THESE}AU1, AU2, AU4, AU5, AU6, AU7, AU9, AU10, AU12, AU14, AU15, AU16, AU17, AU20, AU23, AU24, "
        "AU25, AU26 or AU27?"
    },
    "faba_describe_emotion": {"describe_emotion": "Please describe the expression in this face."},
    "faba_describe_aus": {"describe_aus": "Describe the action units of this face by region."},
}


def items(name, path):
    return [sample.item for sample in TASKS[name].samples(path, TASKS[name].split)]


def outcomes(name, path, answers):
    """Outcomes of texts, one an item; None for what was not answered."""
    task = TASKS[name]
    return [
        outcome(item, Response(text=text) if text is not None else None, task.classes)
        for item, text in zip(items(name, path), answers, strict=True)
    ]


def values(name, path, answers):
    score = TASKS[name].score(outcomes(name, path, answers))
    return {metric: found.value for metric, found in score.metrics.items()}, score.tables


# The registry


def test_the_questions_to_the_letter():
    """A changed word changes every number: change it here knowingly, and say so in the log of changes."""
    assert {name: dict(task.questions) for name, task in TASKS.items()} == GOLDEN


@pytest.mark.parametrize("name", TASKS)
def test_what_every_task_states(name):
    task = TASKS[name]
    assert task.name == name
    assert task.split in SOURCES[task.source].splits
    assert task.kinds
    assert set(task.kinds) <= set(KINDS)
    assert task.classes == (LABEL_SETS[task.label_set] if task.label_set else ())
    assert set(task.shares) <= set(SOURCES) - {task.source}
    assert task.title
    assert task.protocol.endswith(".")
    assert not task.shows_pictures, "no set's licence allows it"


def test_suites_name_tasks():
    for name, members in SUITES.items():
        assert members, name
        assert set(members) <= set(TASKS), name
    assert SUITES["mini"] == tuple(f"mini_{name}" for name in MINI)
    assert SUITES["zero-shot"] == ("rafdb", "affectnet7", "affectnet8", "bp4d", "disfa")
    assert all(TASKS[name].source == "fer2013" for name in SUITES["mini"]), "one data set is enough for it"


def test_find_takes_tasks_and_suites_each_once():
    assert [task.name for task in find(["disfa", "zero-shot", "rafdb"])] == [
        "disfa", "rafdb", "affectnet7", "affectnet8", "bp4d",
    ]  # fmt: skip
    with pytest.raises(ValueError, match=r"'afectnet8'.*did you mean affectnet8"):
        find(["rafdb", "afectnet8"])
    with pytest.raises(ValueError, match=r"the tasks are mini_fer2013.*suites: mini"):
        find(["qqqqqq"])


# Emotions


def test_rafdb_scores_the_test_list(tmp_path):
    rafdb.write_official(
        tmp_path,
        ["test_0003.jpg 4", "train_00001.jpg 5", "test_0001.jpg 4", "test_0002.jpg 1", "test_0004.jpg 7"],
    )
    found = items("rafdb", tmp_path)
    assert [(item.sample, item.truth.emotion) for item in found] == [
        ("test_0003", "happiness"),
        ("test_0001", "happiness"),
        ("test_0002", "surprise"),
        ("test_0004", "neutral"),
    ]
    assert {item.question for item in found} == {SEVEN}
    assert len({item.picture for item in found}) == 4
    answers = ["Happiness.", "The face looks sad.", "No idea.", None]
    metrics, tables = values("rafdb", tmp_path, answers)
    assert metrics["accuracy"] == pytest.approx(1 / 4), "unparsed and missing answers stay in n"
    assert [row["class"] for row in tables["classes"]] == list(LABEL_SETS["rafdb"]), "also those not in the file"
    (shown, *_) = (sample.shown() for sample in TASKS["rafdb"].samples(tmp_path, "test"))
    assert shown.shape == (100, 100, 3)


def test_rafdb_refuses_whole_photographs(tmp_path):
    rafdb.write_official(tmp_path, ["test_0001.jpg 4"], kind="original")
    with pytest.raises(ValueError, match=r"unpack aligned\.zip"):
        items("rafdb", tmp_path)


def write_affectnet(path):
    """Codes 0 … 10, and two neutral pictures more; the box is a part of the picture."""
    rows = [affectnet.row(f"1/{code}.jpg", str(code), box="10,20,20,40") for code in range(11)]
    rows += [affectnet.row(f"2/{name}.jpg", "0", box="NULL,NULL,NULL,NULL") for name in "ab"]
    affectnet.write_csv(path, rows, file="validation.csv")


def test_affectnet_leaves_out_what_is_no_class(tmp_path):
    write_affectnet(tmp_path)
    eight, seven = items("affectnet8", tmp_path), items("affectnet7", tmp_path)
    assert [item.truth.emotion for item in eight] == [*LABEL_SETS["affectnet8"], "neutral", "neutral"]
    assert [item.truth.emotion for item in seven] == [*LABEL_SETS["affectnet7"], "neutral", "neutral"]
    metrics, _ = values("affectnet8", tmp_path, ["Neutral."] * len(eight))
    assert metrics["accuracy"] == pytest.approx(3 / 10)
    metrics, _ = values("affectnet7", tmp_path, ["Neutral."] * len(seven))
    assert metrics["accuracy"] == pytest.approx(3 / 9)
    contempt = outcomes("affectnet7", tmp_path, ["Contempt."] * len(seven))
    assert {one.fate for one in contempt} == {"out_of_vocabulary"}


def test_affectnet_is_cut_by_its_box_with_a_margin(tmp_path):
    write_affectnet(tmp_path)
    samples = list(TASKS["affectnet8"].samples(tmp_path, "val"))
    assert TASKS["affectnet8"].is_crop
    assert samples[0].shown().shape == (54, 30, 3), "64 rows end 4 before 20 + 1.25 * 40"
    assert samples[-1].shown().shape == (64, 64, 3), "no box: the whole picture"


def write_fer(path, usage, rows):
    """A CSV of (official code, votes)."""
    with (path / "fer2013.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["emotion", "pixels", "Usage"])
        writer.writerows([code, " ".join([str(10 * n)] * 48 * 48), usage] for n, (code, _) in enumerate(rows))
    with (path / "fer2013new.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["Usage", "Image name", *VOTES])
        writer.writerows([usage, f"fer{n:07d}.png", *votes] for n, (_, votes) in enumerate(rows))


FER_ROWS = [  # votes: neutral happiness surprise sadness anger disgust fear contempt unknown NF
    (0, (1, 0, 0, 0, 9, 0, 0, 0, 0, 0)),
    (6, (5, 0, 0, 5, 0, 0, 0, 0, 0, 0)),
    (3, (0, 4, 0, 0, 0, 0, 0, 2, 4, 0)),
    (4, (4, 0, 0, 3, 0, 0, 0, 3, 0, 0)),
    (2, (0, 0, 0, 0, 0, 0, 0, 0, 0, 10)),
    (3, (1, 0, 0, 0, 0, 0, 0, 8, 1, 0)),
]


def test_fer2013_and_ferplus_have_labels_of_their_own(tmp_path):
    write_fer(tmp_path, "PrivateTest", FER_ROWS)
    official = {item.sample[-1]: item.truth.emotion for item in items("fer2013", tmp_path)}
    assert official == {"0": "anger", "1": "neutral", "2": "happiness", "3": "sadness", "5": "happiness"}
    voted = {item.sample[-1]: item.truth.emotion for item in items("ferplus", tmp_path)}
    assert voted == {"0": "anger", "3": "neutral", "5": "contempt"}, "ties are left out, a plurality is enough"
    metrics, _ = values("ferplus", tmp_path, ["Contempt."] * 3)
    assert metrics["accuracy"] == pytest.approx(1 / 3)


def test_fer2013_in_folders_is_not_the_published_test_set(tmp_path):
    for split in ("train", "test"):
        (tmp_path / split / "angry").mkdir(parents=True)
        rafdb.Image.new("L", (48, 48)).save(tmp_path / split / "angry" / "a.png")
    for name in ("fer2013", "ferplus"):
        with pytest.raises(ValueError, match="the published test set is PrivateTest"):
            items(name, tmp_path)


def test_mini_leaves_out_known_repeats(tmp_path, monkeypatch):
    import importlib

    write_fer(tmp_path, "PublicTest", FER_ROWS)
    source = importlib.import_module("feallm.data.sources.fer2013")
    monkeypatch.setattr(source, "known_repeats", lambda: {"fer0000000": frozenset({"copy"})})
    assert [item.sample[-1] for item in items("mini_fer2013", tmp_path)] == ["1", "2", "3", "5"]
    assert [item.sample[-1] for item in items("mini_ferplus", tmp_path)] == ["3", "5"]
    with pytest.raises(ValueError, match=r"no picture in .* is one of the coded ones"):
        items("mini_fea_au", tmp_path)


# Action units


def by_unit(tables):
    return {row["unit"]: row for row in tables["units"]}


def write_bp4d(path):
    """Frames 23, 24, 25 of F001, 7 of F007 with AU6 unknown (9), 101 of M011."""
    frames = {"F001_T1": {23: (6, 12), 24: (), 25: (1, 4)}, "M011_T2": {101: (17,)}, "F007_T8": {7: (12,)}}
    for name, coded in frames.items():
        bp4d.write_codes(path, name, coded, unknown=(6,) if name == "F007_T8" else ())
        for frame in coded:
            bp4d.write_picture(path, name, frame)


BP4D_ANSWERS = ["AU6 and AU12.", "AU12.", "AU1.", "AU6, AU12.", "AU17."]


def test_bp4d_pools_all_frames_and_drops_code_9(tmp_path):
    write_bp4d(tmp_path)
    found = items("bp4d", tmp_path)
    assert [(item.sample, item.subject) for item in found] == [
        ("F001/T1/0023", "F001"),
        ("F001/T1/0024", "F001"),
        ("F001/T1/0025", "F001"),
        ("F007/T8/0007", "F007"),
        ("M011/T2/0101", "M011"),
    ]
    assert set(found[0].truth.units[0]) == set(TASKS["bp4d"].units), "the file's other units are left out"
    assert set(TASKS["bp4d"].units) - set(found[3].truth.units[0]) == {"AU06"}
    metrics, tables = values("bp4d", tmp_path, BP4D_ANSWERS)
    units = by_unit(tables)
    assert list(units) == list(TASKS["bp4d"].units)
    assert [units[unit]["f1"] for unit in ("AU01", "AU04", "AU06", "AU12", "AU17")] == pytest.approx([1, 0, 1, 0.8, 1])
    assert [units[unit]["positives"] for unit in ("AU06", "AU12")] == [1, 2]
    assert next(iter(metrics)) == TASKS["bp4d"].headline
    assert metrics["mean_f1"] == pytest.approx(3.8 / 12), "a unit that nobody shows and nobody names counts 0"


def test_bp4d_has_the_folds_of_its_people(tmp_path):
    write_bp4d(tmp_path)
    _, tables = values("bp4d", tmp_path, BP4D_ANSWERS)
    rows = {row["fold"]: row for row in tables["folds"]}  # fold 1 tests F007, 2 M011, 3 F001
    assert [rows[fold]["n"] for fold in (1, 2, 3, "mean")] == [1, 1, 3, 5]
    assert [rows[fold]["AU12"] for fold in (1, 2, 3)] == pytest.approx([1, 0, 2 / 3])
    assert rows["mean"]["AU12"] == pytest.approx(5 / 9), "not the 0.8 of all frames at once"
    assert rows[1]["AU06"] is None, "unknown"
    assert [rows[fold]["mean_f1"] for fold in (1, 2)] == pytest.approx([1 / 11, 1 / 12])
    assert rows[3]["mean_f1"] == pytest.approx((1 + 1 + 2 / 3) / 12)
    assert rows["mean"]["mean_f1"] == pytest.approx((1 / 11 + 1 / 12 + (8 / 3) / 12) / 3)


DISFA_CODES = {  # frame -> AU -> strength; what is not named is 0
    "SN001": [{12: 2, 6: 1}, {12: 1}, {12: 5, 25: 3}],
    "SN003": [{4: 4}, {5: 3}],
}


def write_disfa(path):
    for subject, frames in DISFA_CODES.items():
        codes, pictures = path / "ActionUnit_Labels" / subject, path / "frames_left" / subject
        codes.mkdir(parents=True)
        pictures.mkdir(parents=True)
        for number in disfa.NUMBERS:
            rows = [f"{frame},{units.get(number, 0)}\n" for frame, units in enumerate(frames, start=1)]
            (codes / f"{subject}_au{number}.txt").write_text("".join(rows))
        for frame in range(1, len(frames) + 1):
            disfa.Image.new("L", (8, 8), 10 * frame).save(pictures / f"{frame}.png")


DISFA_ANSWERS = ["AU6, AU12.", "AU12.", "AU12 and AU25.", "AU4.", "No action units."]


def test_disfa_is_positive_from_2_on(tmp_path):
    write_disfa(tmp_path)
    assert [item.subject for item in items("disfa", tmp_path)] == ["SN001"] * 3 + ["SN003"] * 2
    _, tables = values("disfa", tmp_path, DISFA_ANSWERS)
    units = by_unit(tables)
    assert list(units) == [f"AU{number:02d}" for number in (1, 2, 4, 6, 9, 12, 25, 26)]
    assert [units[unit]["positives"] for unit in ("AU04", "AU06", "AU12", "AU25")] == [1, 0, 2, 1]
    assert [units[unit]["f1"] for unit in ("AU04", "AU12", "AU25")] == pytest.approx([1, 0.8, 1])
    _, twelve = values("disfa12", tmp_path, DISFA_ANSWERS)
    assert by_unit(twelve)["AU05"]["positives"] == 1
    assert by_unit(twelve)["AU05"]["f1"] == 0
    assert len(by_unit(twelve)) == 12


def test_every_person_is_tested_in_one_fold():
    for parts, people in ((folds.BP4D, 41), (folds.DISFA, 27)):
        found = fold_people(parts)
        assert [fold == folds.subjects(parts, f"fold{n}_test") for n, fold in enumerate(found, start=1)] == [True] * 3
        assert len(frozenset.union(*found)) == sum(len(fold) for fold in found) == people


def test_rafau_takes_a_unit_on_either_side(tmp_path):
    rafau.write(tmp_path)
    found = items("rafau", tmp_path)
    present = [{unit for unit, strength in item.truth.units[0].items() if strength} for item in found]
    assert present == [
        {"AU01", "AU02", "AU05", "AU25", "AU26"},
        {"AU12", "AU14", "AU25"},
        set(),
        {"AU12", "AU10"},
    ]
    assert all(set(item.truth.units[0]) == set(TASKS["rafau"].units) for item in found), "AU43 is not scored"
    _, tables = values("rafau", tmp_path, ["AU25.", "AU12.", "No action units.", "AU25."])
    units = by_unit(tables)
    assert units["AU25"]["f1"] == pytest.approx(0.5)
    assert units["AU12"]["f1"] == pytest.approx(2 / 3)


def test_samples_are_lazy(tmp_path):
    write_bp4d(tmp_path)
    stream = TASKS["bp4d"].samples(tmp_path, "all")
    assert next(stream).item.sample == "F001/T1/0023"
    (tmp_path / "Sequences(2D+3D)" / "F007" / "T8" / "0007.jpg").write_bytes(b"no picture")
    assert len(list(stream)) == 4, "no picture is read before it is shown"


# The faces at hand


@needs_faces
def test_the_mini_tasks_have_the_faces_that_their_protocols_say():
    emotions = Counter(item.truth.emotion for item in items("mini_fer2013", SHARED))
    assert (emotions.total(), emotions["disgust"]) == (3185, 39)
    votes = Counter(item.truth.emotion for item in items("mini_ferplus", SHARED))
    assert (votes.total(), votes["contempt"]) == (3028, 18)
    coded = items("mini_fea_au", SHARED)
    assert len(coded) == len({item.sample for item in coded}) == 239
    assert all(len(item.truth.units) == 2 for item in coded)


@needs_faces
@pytest.mark.parametrize("name", SUITES["mini"])
def test_mini_items_are_told_apart_and_asked_as_stated(name):
    found, task = items(name, SHARED), TASKS[name]
    assert len({item.sample for item in found}) == len(found)
    assert {item.kind for item in found} == set(task.kinds)
    assert all(item.question == task.questions[item.kind] for item in found)


@needs_faces
def test_one_pass_against_the_other_scores_what_the_protocol_says():
    task = TASKS["mini_fea_au"]
    both = [item.truth.units for item in items("mini_fea_au", SHARED)]
    found = []
    for unit in task.units:
        pairs = [(one[unit] > 0, two[unit] > 0) for one, two in both if unit in one and unit in two]
        hits = sum(one and two for one, two in pairs)
        found.append(2 * hits / sum(one + two for one, two in pairs))
    assert sum(found) / len(found) == pytest.approx(0.853, abs=5e-4)
    assert "0.853" in task.protocol
