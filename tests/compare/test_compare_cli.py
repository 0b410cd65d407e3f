"""`feallm compare` and `feallm convert` as a user meets them, on a real photo and a table in OpenFace's form."""

import csv
import json
import re
import xml.etree.ElementTree as ElementTree

import pytest
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from feallm import Analyzer
from feallm.cli import app
from feallm.tables import write, write_segments

WHERE = {"left": (0, 0), "right": (512, 0)}


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """A table of ours: the packaged model reads a picture with the same face twice, one with it once, and a wall."""
    folder = tmp_path_factory.mktemp("ours")
    photo = Image.fromarray(data.astronaut())
    pair = Image.new("RGB", (1024, 512))
    pair.paste(photo, WHERE["left"])
    pair.paste(photo, WHERE["right"])
    pictures = {"pair.png": pair, "astronaut.png": photo, "wall.png": Image.new("RGB", (200, 200), "navy")}
    for name, picture in pictures.items():
        picture.save(folder / name)
    analyzer = Analyzer()
    readings = analyzer.analyze([str(folder / name) for name in pictures], explain=False)
    return write(readings, folder / "ours.csv", metadata=analyzer.metadata)


@pytest.fixture
def openface(ours, tmp_path):
    """The same faces as OpenFace's FaceLandmarkImg writes them, a table a picture, the landmarks inside our boxes."""
    with ours.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["status"] == "ok"]
    points = [f"{axis}_{place}" for axis in "xy" for place in range(68)]
    folder = tmp_path / "openface"
    folder.mkdir()
    for name in ("pair", "astronaut", "wall"):
        found = [row for row in rows if row["input"].endswith(f"{name}.png")]
        lines = [["face", "confidence", *points, "AU06_r", "AU12_r", "AU06_c", "AU12_c", "AU45_c"]]
        for number, row in enumerate(reversed(found)):
            x, y, wide, high = (float(row[f"FaceRect{part}"]) for part in ("X", "Y", "Width", "Height"))
            marks = [x + wide * (0.1 + 0.8 * (place % 9) / 8) for place in range(68)]
            marks += [y + high * (0.2 + 0.8 * (place // 9) / 7) for place in range(68)]
            strength = [float(row["AU06_r"]) * 0.8, float(row["AU12_r"]) * 0.8]
            lines.append([number, 0.97, *marks, *strength, row["AU06_c"], row["AU12_c"], 0])
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            stream.write("\n".join(", ".join(map(str, line)) for line in lines) + "\n")
    return folder


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_faces_of_another_tool_are_found_by_their_boxes(ours, openface):
    done = run("compare", ours, openface, "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["matching"]["matched"] == 3
    assert told["matching"]["how"] == {"box": 3}
    assert told["matching"]["both_none"] == 1
    assert [unit["unit"] for unit in told["units"]["units"]] == ["AU06", "AU12"]
    smile = told["units"]["units"][1]
    assert smile["presence"]["f1"]["value"] == 1
    assert smile["presence"]["kappa"]["reason"].startswith("both say the same")
    assert smile["strengths"][0]["scale"] == "intensity"
    assert 0 < smile["strengths"][0]["bias"]["value"] < 1
    assert any("only B reads AU45" in note for note in told["notes"])
    assert told["emotions"] is None


def test_what_is_shown_names_tools_numbers_and_limits(ours, openface):
    done = run("compare", ours, openface)
    for words in ("feallm", "openface", "matched", "AU12 lip corner puller", "Agreement is not accuracy"):
        assert words in done.stdout
    assert not re.search(r"\bnan\b|\bNone\b", done.stdout)


def test_page_csv_and_plot(ours, openface, tmp_path):
    page, table, drawn = tmp_path / "out.html", tmp_path / "out.csv", tmp_path / "plot.svg"
    done = run("compare", ours, openface, "-o", page, "--plot", drawn)
    assert done.exit_code == 0, done.stderr
    assert "written: " in done.stderr
    text = page.read_text(encoding="utf-8")
    assert "://" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", text), "the page asks for nothing"
    for words in ("Neither table is taken for", "ICC(3,1)", 'role="img"', "What these numbers do not say"):
        assert words in text
    assert not re.search(r"\$\w|\bNone\b|\bnan\b", text)
    root = ElementTree.parse(drawn).getroot()
    told = {child.tag.rsplit("}")[-1]: child.text for child in root}
    assert "ours.csv (A)" in told["title"]
    assert "F1 1.00" in told["desc"] or "F1 from 1.00" in told["desc"]
    assert root.get("role") == "img"
    assert run("compare", ours, openface, "-o", table).exit_code == 0
    with table.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert {"matching", "unit", "units", "note"} <= {row["about"] for row in rows}


def test_a_picture_of_the_plot_says_what_it_shows(ours, openface, tmp_path):
    assert run("compare", ours, openface, "--plot", tmp_path / "plot.png").exit_code == 0
    with Image.open(tmp_path / "plot.png") as drawn:
        assert drawn.width > 800
        assert "Agreement of A and B on each action unit" in drawn.text["Description"]


def test_converted_and_compared_with_itself(ours, tmp_path):
    fex = tmp_path / "fex.csv"
    done = run("convert", ours, "-o", fex)
    assert done.exit_code == 0, done.stderr
    assert "in the form of py-feat" in done.stderr
    told = json.loads(run("compare", ours, fex, "--json").stdout)
    assert told["b"]["form"] == "pyfeat"
    assert told["matching"]["matched"] == 3
    assert told["emotions"]["agreement"]["value"] == 1
    assert all(unit["strengths"][0]["bias"]["value"] == pytest.approx(0, abs=1e-5) for unit in told["units"]["units"])


def test_no_face_in_both_ends_with_1(ours, tmp_path):
    (tmp_path / "other.csv").write_text("input,AU12,anger,frame\nelsewhere.png,0.5,1,0\n")
    done = run("compare", ours, tmp_path / "other.csv", "--plot", tmp_path / "plot.svg")
    assert done.exit_code == 1
    assert "nothing can be compared" in done.stdout
    assert "nothing to draw" in done.stderr
    assert not (tmp_path / "plot.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gone.csv"], "no table of predictions at gone.csv"),
        (["OURS", "-o", "out.pdf"], "written as .html or .csv"),
        (["OURS", "--plot", "out.jpg"], "ends in .svg or .png"),
        (["OURS", "--by", "second"], "paired by auto, frame, time"),
        (["OURS", "--least-overlap", "0"], "a share above 0"),
        (["empty.csv"], "empty.csv is empty"),
        (["segments.csv"], "segments.csv is a table of segments"),
    ],
)
def test_mistakes_get_one_line(ours, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.csv").touch()
    write_segments([], tmp_path / "segments.csv")
    done = run("compare", ours, *(ours if argument == "OURS" else argument for argument in arguments))
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_help_tells_it_from_the_benchmarks_verb():
    help_ = " ".join(run("compare", "--help").stdout.split())
    assert "feallm bench compare" in help_
