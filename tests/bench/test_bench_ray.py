"""The same predictions over Ray: two actors on this machine that each hold the model, the same bytes."""

import json

import pytest

from feallm.bench.responders import open_responder
from feallm.bench.responders.responder import ResponderError
from tests.bench.runs import OPTIONS, TASK, Looks, contents, draw, ran


@pytest.fixture
def spec(tmp_path):
    """Answers for the even ones of the pictures."""
    path = tmp_path / "answers.jsonl"
    answers = ({"sample": f"fer{number:07d}", "text": f"Surprise {number}."} for number in range(0, 22, 2))
    path.write_text("".join(json.dumps(answer) + "\n" for answer in answers), encoding="utf-8")
    return f"canned:{path}"


@pytest.fixture(scope="module", autouse=True)
def two_processors():
    """Ray, started once for all of these tests."""
    pytest.importorskip("ray.data")
    from feallm.cluster import session

    with session(2):
        yield


def test_ray_predicts_the_same_bytes(tmp_path, spec):
    from feallm.bench.ray_engine import Remote

    data = draw(tmp_path / "data")
    ran(open_responder(spec, OPTIONS), data, tmp_path / "local")
    remote = Remote(spec, OPTIONS, 2)
    assert remote.info == open_responder(spec, OPTIONS).info
    assert ran(remote, data, tmp_path / "ray", engine="ray", workers=2).complete
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")


def test_what_ray_cannot_open_is_told(tmp_path):
    from feallm.bench.ray_engine import Remote

    with pytest.raises(ResponderError, match="no canned answers at"):
        Remote(f"canned:{tmp_path / 'none.jsonl'}", OPTIONS, 1)


def test_a_model_in_this_process_cannot_be_shared(tmp_path):
    with pytest.raises(ValueError, match="opens the model in its actors"):
        ran(Looks(), draw(tmp_path / "data"), tmp_path / "run", TASK, engine="ray")
    with pytest.raises(ValueError, match="no engine is called 'spark'"):
        ran(Looks(), tmp_path / "data", tmp_path / "run", TASK, engine="spark")
