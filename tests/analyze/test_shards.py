"""What is read at scale and how it is shared out, and the folder the readings go to; all of it without Ray."""

import json
import socket
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feallm.analyze import Analyzer
from feallm.analyze.parts import TRIES, Counts, Parts
from feallm.analyze.ray_engine import Job, read_items
from feallm.analyze.shards import digest, load, plan
from feallm.analyze.video import Video
from feallm.media import Limits
from feallm.media.limits import UnreadableError
from feallm.media.remote import Place, is_remote
from feallm.media.video import Sampling
from feallm.tables import OutputError, columns
from tests.videos import face_clip

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
ONE = Counts(2, 1, 1, {"ok": 1, "no_face": 1})


def png(value):
    out = BytesIO()
    Image.fromarray(np.full((8, 8, 3), value, np.uint8)).save(out, "PNG")
    return out.getvalue()


def levels(shards, base):
    """Name -> the grey of each picture, or why there is none."""
    items = [load(item, base, Limits()) for shard in shards for item in shard.items()]
    return {each.input: each.error if each.pixels is None else int(each.pixels[0, 0, 0]) for each in items}


def test_shards_depend_on_the_inputs_alone():
    names = [f"p{number}.jpg" for number in range(40)] + ["clip.mp4"]
    shards = plan(names)
    assert [shard.count for shard in shards] == [16, 16, 8, 1]
    assert [name for shard in shards for name in shard.names] == names
    assert [shard.number for shard in shards] == [0, 1, 2, 3]
    assert max(shard.count for shard in plan(["p.jpg"] * 17_000)) == 256
    assert digest(shards) == digest(plan(names)) != digest(plan(names[1:]))
    assert digest(shards) != digest(plan(names, size=8))


def test_a_web_address_is_a_picture_whatever_its_name():
    web = "https://example.org/clip.mp4"
    (shard,) = plan(["p.jpg", web, "s.png"])
    assert [item.is_video for item in shard.items()] == [False, False, False]
    assert [shard.count for shard in plan(["p.jpg", "clip.mp4", "s.png"])] == [1, 1, 1]


def test_tables_hold_paths_or_pictures(tmp_path):
    (tmp_path / "a.png").write_bytes(png(10))
    (tmp_path / "folder").mkdir()
    paths = ["a.png", "none.png", "folder", "", None, "*.png", f"file://{tmp_path}/a.png"]
    pq.write_table(pa.table({"id": ["x"] * 7, "path": paths}), tmp_path / "paths.parquet")
    found = levels(plan([str(tmp_path / "paths.parquet")], size=3), tmp_path)
    empty = f"{tmp_path / 'paths.parquet'}[4]"
    assert (found["a.png"], found[f"file://{tmp_path}/a.png"]) == (10, 10)
    assert "no such file" in found["none.png"]
    assert "a folder" in found["folder"]
    assert "matches no picture" in found["*.png"]
    assert "empty" in found[empty]

    pictures = pa.table({"id": ["x"] * 9, "picture": [png(value) for value in range(9)]})
    pq.write_table(pictures, tmp_path / "bytes.parquet", row_group_size=4)
    shards = plan([str(tmp_path / "bytes.parquet")], size=5)
    assert [(shard.start, shard.stop) for shard in shards] == [(0, 5), (5, 9)]
    assert levels(shards, tmp_path) == {f"{tmp_path / 'bytes.parquet'}[{row}]": row for row in range(9)}

    cells = [{"bytes": png(7), "path": "x.png"}, {"bytes": None, "path": "a.png"}]
    pq.write_table(pa.table({"face": cells}), tmp_path / "structs.parquet")
    assert list(levels(plan([str(tmp_path / "structs.parquet")]), tmp_path).values()) == [7, 10]


def test_a_table_whose_pictures_cannot_be_told_is_refused(tmp_path):
    path = tmp_path / "many.parquet"
    pq.write_table(pa.table({"left": ["a"], "right": ["b"], "age": [1]}), path)
    with pytest.raises(ValueError, match="give --column, one of left, right"):
        plan([str(path)])
    assert next(plan([str(path)], "right")[0].items()).name == "b"
    with pytest.raises(ValueError, match="no column 'middle': it has left, right, age"):
        plan([str(path)], "middle")
    with pytest.raises(ValueError, match="holds int64, not paths or pictures"):
        plan([str(path)], "age")
    (tmp_path / "no.parquet").write_text("no")
    with pytest.raises(ValueError, match="cannot be read as Parquet"):
        plan([str(tmp_path / "no.parquet")])
    with pytest.raises(ValueError, match="cannot be read as Parquet"):
        plan([str(tmp_path / "missing.parquet")])


def test_places_elsewhere_are_listed_and_read(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("b 10.png", "b 2.png", "in/é?#%41.png", ".hidden.png", "clip.mp4"):
        (tmp_path / name).write_bytes(png(len(name)))
    address = f"file://{tmp_path}"
    found = levels(plan([address]), tmp_path)
    assert found == {f"{address}/b 2.png": 7, f"{address}/b 10.png": 8, f"{address}/in/é?#%41.png": 13}
    assert Place(f"{address}/*.mp4").find() == [f"{address}/clip.mp4"]
    assert Place("s3://key:secret@bucket/faces/?endpoint_override=localhost").name == "s3://bucket/faces/"
    with pytest.raises(ValueError, match="nothing is there"):
        plan([f"{address}/none"])
    with pytest.raises(UnreadableError, match="cannot be opened"):
        Place("parrot://cage/x.png").find()
    assert not any(map(is_remote, ("a.png", "/a.png", "http://x/a.png", "data:image/png;base64,", "s3:/x")))


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_parts_are_kept_and_gone_on_with(tmp_path, form):
    output, about = form.format(tmp_path / "out"), {"plan": "abc", "classes": ["happiness"]}
    parts = Parts(output)
    assert parts.begin(about) == {}
    names = columns(["happiness"], [])
    parts.add(3, [dict.fromkeys(names) | {"input": "a.png", "status": "ok"}], names, ONE)
    assert Parts(output).begin(about) == {3: ONE}
    with pytest.raises(OutputError, match='whose plan was "abc", this one\'s is "def"'):
        Parts(output).begin(about | {"plan": "def"})
    parts.end(about, ONE.statuses, complete=True)
    assert json.loads((tmp_path / "out" / "_meta.json").read_text())["statuses"] == ONE.statuses
    assert pq.read_table(tmp_path / "out").to_pylist()[0]["input"] == "a.png"
    pq.write_table(pa.table({"x": [1]}), tmp_path / "out" / "part-0.parquet")
    with pytest.raises(OutputError, match=r"holds part-0.parquet, which no run of this kind wrote"):
        Parts(output).begin(about)


def test_a_shard_that_kills_its_process_is_left_out_in_the_end(tmp_path):
    parts = Parts(str(tmp_path))
    assert [parts.take(0) for _ in range(TRIES + 1)] == [True] * TRIES + [False]
    assert parts.take(1)
    parts.begin({})
    assert parts.take(0)


def test_where_nothing_can_be_written_the_user_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write in"):
        Parts(str(tmp_path / "file" / "out")).begin({})
    with pytest.raises(OutputError, match="writes a folder of Parquet files"):
        Parts(str(Path("out") / "readings.csv"))


def test_a_video_is_one_item_with_rows_a_frame(tmp_path):
    pytest.importorskip("av")
    clip = face_clip(tmp_path / "clip.mp4", count=6)
    analyzer = Analyzer(batch_size=4)
    job = Job(str(tmp_path), sampling=Sampling(every=3), explain=False, video={"search": "full"})
    remote = plan([f"file://{clip}", f"file://{tmp_path / 'clip.mp4'}"])
    assert [shard.count for shard in remote] == [1, 1]
    found = list(read_items(analyzer, job, remote[0].items()))
    assert [(row.input, row.frame, row.status) for row in found] == [(f"file://{clip}", n, "ok") for n in (0, 3)]
    alone = Video(analyzer, clip, sampling=Sampling(every=3), explain=False, search="full")
    assert [row.emotion_scores for row in found] == [row.emotion_scores for row in alone.stream()]
    gone = next(plan([f"file://{tmp_path}/*.mp4"])[0].items())
    clip.unlink()
    (row,) = read_items(analyzer, job, iter([gone]))
    assert (row.status, row.input) == ("unreadable", f"file://{clip}")
    assert "cannot be read" in row.error


def test_the_cost_table_adds_up():
    sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
    try:
        import scale
    finally:
        sys.path.pop(0)
    second = {"median": 1.0, "least": 0.9, "greatest": 1.1}
    rates = [{"workers": n, "words": words, "rate": {**second, "median": 0.5 * n}} for words in (0, 1) for n in (1, 2)]
    measured = {
        "machine": "x",
        "pictures": "y",
        "runs": 3,
        "row_bytes": 1000.0,
        "workers": rates,
        "parts": dict.fromkeys(scale.PARTS, second),
        "video": {"frame": {**second, "median": 3.0}},
    }
    work = scale.works(measured)
    assert scale.efficiency(measured) == 1
    assert scale.cost(work["a million pictures, numbers"], 4, 0, 1.0)[0] == pytest.approx(3e6 / 4 / 3600)
    assert scale.cost(work["a million pictures, with words"], 4, 0, 0.5)[0] == pytest.approx(4e6 / 2 / 3600)
    with_gpu = scale.cost(work["a million pictures, with words"], 10, 1, 1.0)[0]
    assert with_gpu == pytest.approx(2e6 / 10 / 3600)  # the processors still decode and find the faces
    hours = scale.cost(work["a thousand hours of video, numbers"], 1, 0, 1.0)[0]
    assert hours == pytest.approx(1000 * scale.RATE * 3)
    assert "1.00 GB a million" in list(scale.tables(measured))[-1]


def test_a_cluster_that_does_not_answer_is_told_at_once(monkeypatch):
    pytest.importorskip("ray.data")
    from feallm.cluster import ClusterError, session

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free.getsockname()[1]}")
        with pytest.raises(ClusterError, match="nothing can be used"), session(1):
            pass


@pytest.mark.parametrize("absent", ["ray", "pyarrow"])
def test_without_the_extra_the_verb_says_what_to_install(tmp_path, monkeypatch, absent):
    from typer.testing import CliRunner

    from feallm.cli import app

    monkeypatch.setitem(sys.modules, absent, None)
    done = CliRunner().invoke(app, ["analyze", str(tmp_path), "--engine", "ray", "-o", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert f"engine ray needs {absent}: pip install 'feallm[ray]'" in " ".join(done.output.split())
    assert not (tmp_path / "out").exists()
