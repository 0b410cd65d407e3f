"""The same store over Ray: two real workers on this machine, the same bytes."""

import pytest

from tests.data.stores import draw_faces, made, shards


def test_ray_builds_the_same_bytes(tmp_path, monkeypatch):
    pytest.importorskip("ray.data")
    monkeypatch.setenv("FEALLM_DATA", str(draw_faces(tmp_path / "data")))
    monkeypatch.setattr("feallm.data.build.CHUNK", 4)
    monkeypatch.setattr("feallm.data.ray_engine.WINDOW", 6)
    local = made(tmp_path / "local", records_per_face=3, balance=0.5)
    over_ray = made(tmp_path / "ray", records_per_face=3, balance=0.5, engine="ray", workers=2)
    assert len(over_ray.manifest["shards"]) > 4
    assert shards(over_ray.path) == shards(local.path)


def test_without_ray_the_extra_is_named(tmp_path, monkeypatch):
    from feallm.settings import SettingsError

    monkeypatch.setattr("feallm.data.build.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"pip install 'feallm\[ray\]'"):
        made(tmp_path, engine="ray")
    with pytest.raises(SettingsError, match=r"pip install 'feallm\[data\]'"):
        made(tmp_path, format="parquet")
