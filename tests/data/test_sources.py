"""FER2013 and FER+ in each layout they are found in, written here in miniature; and AU codes."""

import csv
import importlib
import io

import numpy as np
import pytest
from PIL import Image

from feallm.data.records import LabelledFace, one_hot
from feallm.data.sources import load
from feallm.data.sources.au_codes import read_codes, with_codes
from feallm.data.sources.fer2013 import VOTES, ferplus_labels
from feallm.facs.action_units import CODED_AUS
from feallm.facs.emotions import LABEL_SETS

ROWS = [  # emotion code, Usage, votes: neutral happiness surprise sadness anger disgust fear contempt unknown NF
    (0, "Training", (1, 0, 0, 0, 9, 0, 0, 0, 0, 0)),
    (3, "Training", (0, 10, 0, 0, 0, 0, 0, 0, 0, 0)),
    (6, "PublicTest", (5, 0, 0, 5, 0, 0, 0, 0, 0, 0)),
    (2, "Training", (0, 0, 0, 0, 0, 0, 0, 0, 0, 10)),
]


def write_kaggle(folder, votes=True):
    rng = np.random.default_rng(0)
    with (folder / "fer2013.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["emotion", "pixels", "Usage"])
        for code, usage, _ in ROWS:
            writer.writerow([code, " ".join(map(str, rng.integers(0, 255, 48 * 48))), usage])
    if votes:
        with (folder / "fer2013new.csv").open("w", newline="", encoding="utf-8-sig") as stream:
            writer = csv.writer(stream)
            writer.writerow(["Usage", "Image name", *VOTES])
            for number, (_, usage, counts) in enumerate(ROWS):
                writer.writerow([usage, f"fer{number:07d}.png", *counts])


def test_kaggle_csv_with_votes(tmp_path):
    write_kaggle(tmp_path)
    train = list(load("fer2013", tmp_path, "train"))
    assert [face.id for face in train] == ["fer0000000", "fer0000001"], "the NF row is no face"
    anger = train[0]
    assert anger.labels == {"fer2013": "anger", "ferplus": "anger"}
    assert dict(zip(LABEL_SETS["ferplus"], anger.emotions["ferplus"], strict=True))["anger"] == pytest.approx(0.9)
    assert anger.emotions["fer2013"] == one_hot("anger", LABEL_SETS["fer2013"])
    assert anger.picture().shape == (48, 48, 3)
    (tie,) = load("fer2013", tmp_path, "val")
    assert tie.labels == {"fer2013": "neutral"}, "a tie of the votes has no plurality"
    assert tie.emotions["ferplus"][0] == pytest.approx(0.5)


def test_known_repeats_are_flagged_in_the_csv_too(tmp_path, monkeypatch):
    source = importlib.import_module("feallm.data.sources.fer2013")
    known = source.known_repeats()
    flags = [next(iter(flag)) for flag in known.values()]
    assert (flags.count("near_copy_in_test") > 300, flags.count("copy")) == (True, 393)
    assert all(len(identity) == 10 and int(identity[3:]) < 28709 for identity, f in known.items() if "copy" not in f)
    write_kaggle(tmp_path)
    monkeypatch.setattr(source, "known_repeats", lambda: {"fer0000001": frozenset({"near_copy_in_test"})})
    assert [bool(face.flags) for face in load("fer2013", tmp_path, "train")] == [False, True]


def test_kaggle_csv_without_votes(tmp_path):
    write_kaggle(tmp_path, votes=False)
    assert [face.labels for face in load("fer2013", tmp_path, "train")] == [
        {"fer2013": "anger"},
        {"fer2013": "happiness"},
        {"fer2013": "fear"},
    ]


def test_folders(tmp_path):
    for name, count in (("angry", 2), ("happy", 1)):
        folder = tmp_path / "train" / name
        folder.mkdir(parents=True)
        for number in range(count):
            Image.new("L", (48, 48), 30 * number).save(folder / f"im{number}.png")
    faces = list(load("fer2013", tmp_path, "train"))
    assert [face.labels["fer2013"] for face in faces] == ["anger", "anger", "happiness"]
    assert faces[1].picture()[0, 0].tolist() == [30, 30, 30]


def test_parquet(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    stream = io.BytesIO()
    Image.new("L", (48, 48), 77).save(stream, "WEBP", lossless=True)
    rows = [
        {"id": f"fer{n:07d}", "image": stream.getvalue(), "fer2013": label, "near_copy_in_test": near}
        | dict(zip([f"votes_{name}" for name in VOTES], (10, *([0] * 9)), strict=True))
        for n, (label, near) in enumerate((("neutral", None), ("sadness", "fer0035000")))
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "ferplus_train.parquet")
    faces = list(load("fer2013", tmp_path, "train"))
    assert [face.labels["fer2013"] for face in faces] == ["neutral", "sadness"]
    assert [face.flags for face in faces] == [frozenset(), frozenset({"near_copy_in_test"})]
    assert faces[0].picture()[5, 5].tolist() == [77, 77, 77]


def test_nothing_there_says_what_was_expected(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected fer2013\.csv"):
        list(load("fer2013", tmp_path, "train"))
    with pytest.raises(ValueError, match="splits train, val, test"):
        list(load("fer2013", tmp_path, "dev"))


@pytest.mark.parametrize(
    ("votes", "label", "is_face"),
    [
        ((0, 0, 6, 0, 0, 0, 4, 0, 0, 0), "surprise", True),
        ((0, 0, 4, 0, 0, 0, 4, 0, 2, 0), None, True),
        ((2, 0, 0, 0, 0, 0, 0, 0, 8, 0), None, True),
        ((0, 0, 0, 0, 0, 0, 0, 0, 0, 10), None, False),
    ],
)
def test_ferplus_votes(votes, label, is_face):
    distribution, found, face = ferplus_labels(votes)
    assert (found, face) == (label, is_face)
    assert distribution is None or sum(distribution) == pytest.approx(1)


def test_au_codes_join_and_hidden_halves_stay_unknown(tmp_path):
    header = ["id", "pass", "codable", "hidden", *CODED_AUS, "sides"]
    rows = [
        ["a", 1, 1, "", *[3 if unit == "AU12" else 0 for unit in CODED_AUS], ""],
        ["a", 2, 1, "", *[1 if unit == "AU12" else 0 for unit in CODED_AUS], ""],
        ["b", 1, 1, "upper", *[0] * len(CODED_AUS), ""],
        ["c", 1, 0, "", *[0] * len(CODED_AUS), ""],
    ]
    path = tmp_path / "codes.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    codes = read_codes(path)
    assert set(codes) == {"a", "b"}
    picture = np.zeros((48, 48), np.uint8)
    joined = {face.id: face for face in with_codes([LabelledFace(i, picture, "x", "train") for i in "abc"], codes)}
    assert joined["a"].action_units["AU12"] == 2.0
    assert joined["a"].action_units["AU04"] == 0.0
    assert joined["a"].provenance["action_units"] == "model-coded"
    assert "AU04" not in joined["b"].action_units, "a hidden brow is unknown, not absent"
    assert joined["b"].action_units["AU12"] == 0.0
    assert joined["c"].action_units == {}


def test_labels_must_be_distributions():
    with pytest.raises(ValueError, match="sum to 1"):
        LabelledFace("a", np.zeros((4, 4), np.uint8), "x", "train", {"fer2013": (0.5,) * 7})
