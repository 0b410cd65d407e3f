"""Reading at scale: over two real workers the same rows as in one process, also where the run was killed between."""

import logging
import os
import signal
import subprocess
import sys
import time

import cv2
import pytest

from feallm.analyze import Analyzer
from feallm.tables import columns, rows

pytest.importorskip("ray.data")
SMALL = "import feallm.analyze.shards as s; s.LEAST = s.MOST = 2; from feallm.cli import main; main()"


@pytest.fixture(scope="module")
def cluster():
    """Ray with two processors, started once, and where other processes find it."""
    from feallm.cluster import session

    with session(2) as ray:
        yield ray.get_runtime_context().gcs_address


@pytest.fixture
def folder(tmp_path, astronaut):
    """Seven pictures in four shards of two: faces, no face, no picture; the last, `stuck`, keeps its reader waiting."""
    there = tmp_path / "photos"
    there.mkdir()
    for number in range(4):
        side = 150 + 20 * number
        face = cv2.resize(astronaut[:256, 96:352], (side, side), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(there / f"face{number}.png"), cv2.cvtColor(face, cv2.COLOR_RGB2BGR))
    cv2.imwrite(str(there / "no.png"), astronaut[300:, 300:])
    (there / "broken.png").write_bytes(b"no picture")
    os.mkfifo(there / "stuck.png")
    return there


def test_what_the_caller_logs_is_still_heard(cluster, caplog):
    """Ray's data library takes the root's handlers over; only Ray's own are made quiet."""
    import ray

    ray.data.range(3).materialize()
    logging.getLogger("feallm.elsewhere").warning("heard")
    assert "heard" in caplog.text


def by_place(found):
    return sorted(found, key=lambda row: (row["input"], row["face_id"] or 0))


def test_a_run_that_was_killed_goes_on_to_the_rows_of_one_process(cluster, folder, tmp_path, monkeypatch, capsys):
    from pyarrow import parquet

    from feallm.cli import app

    output = tmp_path / "out"
    command = ["analyze", str(folder), "--engine", "ray", "-o", str(output)]
    # a process of its own, so that it can be killed as a power cut would; its last shard never ends
    alone = [sys.executable, "-c", SMALL, *command, "--workers", "1"]
    env = {**os.environ, "RAY_ADDRESS": cluster}
    with subprocess.Popen(alone, env=env, stderr=subprocess.PIPE) as run:
        while len(list(output.glob("part-*"))) < 3 and run.poll() is None:
            time.sleep(0.05)
        run.send_signal(signal.SIGKILL)
        told = run.stderr.read().decode()
    kept = {path.name: path.stat().st_mtime_ns for path in output.glob("part-*")}
    assert len(kept) == 3, told

    (folder / "stuck.png").unlink()
    (folder / "face0.png").rename(folder / "stuck.png")
    (folder / "face0.png").write_bytes((folder / "stuck.png").read_bytes())
    monkeypatch.setattr("feallm.analyze.shards.LEAST", 2)
    monkeypatch.setattr("feallm.analyze.shards.MOST", 2)
    with pytest.raises(SystemExit) as end:
        app([*command, "--workers", "2"])
    assert end.value.code == 0
    shown = capsys.readouterr()
    assert "3 of 4 parts are there already" in shown.err
    assert "5 faces read in 7 pictures (1 no face, 1 unreadable); 7 rows in 4 files" in " ".join(shown.err.split())
    assert {name: (output / name).stat().st_mtime_ns for name in kept} == kept
    assert sorted(path.name for path in output.iterdir() if not path.name.startswith("part-")) == ["_meta.json"]

    analyzer = Analyzer()
    names = [str(path) for path in sorted(folder.iterdir())]
    alone = list(rows(analyzer.analyze(names), classes=analyzer.classes, units=analyzer.engine.info.action_units))
    table = parquet.read_table(output)
    assert table.column_names == columns(analyzer.classes, analyzer.engine.info.action_units)
    for ours, theirs in zip(by_place(table.to_pylist()), by_place(alone), strict=True):
        numbers = {name: value for name, value in theirs.items() if isinstance(value, float)}
        assert {name: ours[name] for name in numbers} == pytest.approx(numbers, abs=2e-6)
        assert {**ours, **numbers} == theirs
