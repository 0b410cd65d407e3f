"""A build: as many records as the recipe says, of what it says, the same ones however they are made."""

from collections import Counter, deque
from dataclasses import replace
from random import Random

import pytest

from feallm.data.build import build
from feallm.data.compose import FAMILIES
from feallm.data.describe import DescribeError
from feallm.data.plan import Plan, make_plan
from feallm.data.recipe import BuildRecipe
from feallm.data.records import LabelledFace
from feallm.data.rows import as_record
from feallm.facs.answers import read_answer
from feallm.settings import SettingsError, load_recipe
from tests.data.describe_server import serving, well
from tests.data.stores import FILES, SOURCE, draw_faces, made, recipe, shards


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return draw_faces(tmp_path_factory.mktemp("faces") / "data")


@pytest.fixture(autouse=True)
def _data_root(data, monkeypatch):
    monkeypatch.setenv("FEALLM_DATA", str(data))
    monkeypatch.setattr("feallm.data.card.can_plot", lambda: False)  # slow, and tested with the card


def test_records_agree_with_the_labels_and_hold_no_pixels(tmp_path):
    store = made(tmp_path / "out", records_per_face=3)
    rows = list(store.rows())
    assert len(rows) == len(store) == 40 * 3
    assert len({row["id"] for row in rows}) == len(rows)
    assert {row["family"] for row in rows} <= set(FAMILIES)
    for row in rows:
        assert row["image"] == f"fer2013:{row['face']}"
        assert set(row["labels"]["emotions"]) == {"fer2013", "ferplus"}
        for turn in row["turns"]:
            assert set(turn["claims"]["asserted"]) <= set(row["labels"]["present"])
            assert set(read_answer(turn["answer"]).aus) == set(turn["claims"]["asserted"])
    assert b"pixels" not in b"".join(shards(store.path).values())
    assert max(len(line) for line in (store.path / "records-00000.jsonl").read_bytes().splitlines()) < 10_000


def test_a_face_never_has_the_same_conversation_twice(tmp_path):
    store = made(tmp_path / "out", records_per_face=150, families={"emotion": 1}, sources=[FILES])
    told = Counter((row["face"], str(row["turns"])) for row in store.rows())
    assert max(told.values()) == 1
    assert 2 * 3 < len(store) < 2 * 150, "there are not so many ways of asking for the same"


def test_processes_and_chunks_change_nothing(tmp_path, monkeypatch):
    once = shards(made(tmp_path / "a", records_per_face=2).path)
    monkeypatch.setattr("feallm.data.build.CHUNK", 7)
    assert shards(made(tmp_path / "b", records_per_face=2, workers=2).path) == once
    assert shards(made(tmp_path / "c", records_per_face=2, seed=1).path) != once


def test_a_record_depends_on_its_own_face_and_number_only(tmp_path):
    alone = {row["id"]: row for row in made(tmp_path / "a").rows()}
    beside = {row["id"]: row for row in made(tmp_path / "b", sources=[FILES, SOURCE], records_per_face=2).rows()}
    assert alone.items() <= beside.items()


def test_sources_stand_in_order_and_files_are_named_relative_to_theirs(tmp_path):
    rows = list(made(tmp_path / "out", sources=[FILES, SOURCE]).rows())
    assert [row["image"] for row in rows[:2]] == ["test/angry/one.png", "test/happy/one.png"]
    assert all(row["labels"]["action_units"] == {} for row in rows[:2])
    assert not any(turn["claims"]["asserted"] for row in rows[:2] for turn in row["turns"]), "no codes, no claims"


def test_shares_are_of_what_the_labels_allow(tmp_path):
    families = {"reason": 0.0, "aus": 3.0, "emotion": 1.0}
    store = made(tmp_path / "out", records_per_face=4, families=families)
    counts = store.manifest["families"]
    assert set(counts) == {"aus", "emotion"}
    assert 1.5 < counts["aus"] / counts["emotion"] < 6


def test_rare_classes_are_drawn_more_often(tmp_path):
    def share(store):
        rows = list(store.rows())
        return sum(row["labels"]["emotions"]["ferplus"] == "disgust" for row in rows) / len(rows)

    plain_words = {"records_per_face": 4, "families": {"aus": 1, "emotion": 1}}
    even = share(made(tmp_path / "even", balance=1.0, **plain_words))
    plain = share(made(tmp_path / "plain", **plain_words))
    assert plain == pytest.approx(0.1)
    assert 0.2 < even < 0.35, "as often as the median of the four classes"
    capped = share(made(tmp_path / "capped", balance=1.0, most_repeats=1.5, **plain_words))
    assert plain < capped < even


def test_a_plan_weighs_by_the_median_and_survives_the_progress_file():
    def face(number, emotion, units=()):
        coded = {unit: 3.0 if unit in units else 0.0 for unit in ("AU04", "AU12")}
        return LabelledFace(f"f{number}", b"", "x", "train", {}, {"rafdb": emotion}, coded)

    faces = [face(n, "happiness", ["AU12"]) for n in range(80)] + [face(n, "anger") for n in range(80, 100)]
    faces += [face(n, "fear", ["AU04"]) for n in range(100, 105)]
    plan = make_plan(recipe("x", balance=1.0, most_repeats=3), faces)
    assert plan.weights == {("rafdb", "fear"): 4.0, ("action unit", "AU04"): 8.5}
    counts = Counter(one.labels["rafdb"] for one in faces for _ in plan.numbers(one))
    assert counts == {"happiness": 80, "anger": 20, "fear": 15}
    assert Plan.from_json(plan.to_json()) == plan


def test_a_fraction_of_a_record_is_drawn_by_lot():
    faces = [LabelledFace(f"f{n}", b"", "x", "train", {}, {"rafdb": "fear"}) for n in range(2000)]
    counts = Counter(len(make_plan(recipe("x", records_per_face=1.25), faces).numbers(face)) for face in faces)
    assert set(counts) == {1, 2}
    assert 430 < counts[2] < 570


@pytest.mark.parametrize("most", [1, 17, 79])
def test_at_most_so_many_records_from_all_over(tmp_path, most):
    store = made(tmp_path / "out", records_per_face=2, max_records=most)
    assert len(store) == most
    if most > 10:
        assert len({row["labels"]["emotions"]["fer2013"] for row in store.rows()}) > 2


def test_a_unit_counts_from_the_given_strength(tmp_path):
    rows = list(made(tmp_path / "out", present_at=2.0, records_per_face=4, balance=0.3).rows())
    weak = [row for row in rows if 1.0 in row["labels"]["action_units"].values()]
    assert weak
    assert all(row["labels"]["present"] == [] for row in weak), "the strength stays in the labels, and is not told"
    assert all(not turn["claims"]["asserted"] for row in weak for turn in row["turns"])
    assert any(row["labels"]["present"] for row in rows)
    own = [{**SOURCE, "present_at": 4.0}]
    assert not any(row["labels"]["present"] for row in made(tmp_path / "own", sources=own, present_at=2.0).rows())


def test_flagged_faces_are_left_out(tmp_path, monkeypatch):
    flags = {"fer0000003": frozenset({"near_copy_in_test"})}
    monkeypatch.setattr("feallm.data.sources.fer2013.known_repeats", lambda: flags)
    kept = {row["face"] for row in made(tmp_path / "a").rows()}
    everything = {row["face"] for row in made(tmp_path / "b", exclude_flags=[]).rows()}
    assert everything - kept == {"fer0000003"}


def shout(pairs):
    """A rewriter that looks ahead, as a language model's does; it sees the pictures."""
    waiting = deque()
    for record, face in pairs:
        assert face.picture().shape == (48, 48, 3)
        waiting.append(replace(record, turns=tuple(replace(turn, answer=turn.answer.upper()) for turn in record.turns)))
        while len(waiting) > 7:
            yield waiting.popleft()
    yield from waiting


def test_answers_can_be_rewritten_after_composing(tmp_path):
    plain = [as_record(row) for row in made(tmp_path / "a").rows()]
    loud = [as_record(row) for row in build(recipe(tmp_path / "b"), describe=shout).rows()]
    assert [turn.answer for record in loud for turn in record.turns] == [
        turn.answer.upper() for record in plain for turn in record.turns
    ]


def test_a_row_gives_its_record_back(tmp_path):
    from feallm.data.compose import compose
    from feallm.data.sources import load
    from feallm.data.sources.au_codes import read_codes, with_codes

    store = made(tmp_path / "out", families={"reason": 1.0})
    codes = read_codes(store.pictures.root / "codes.csv")
    faces = {face.id: face for face in with_codes(load("fer2013", store.pictures.root, "train"), codes)}
    for row in store.rows():
        rng = Random(row["seed"])
        rng.choices(["reason"], [1.0])
        assert compose(faces[row["face"]], "reason", rng) == as_record(row)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("sources.0.source=fer2031", "did you mean 'fer2013'"),
        ("sources.0.split=dev", "unknown split 'dev'"),
        ("families={reasn: 1}", "unknown family 'reasn': did you mean 'reason'? The families are"),
        ("families={reason: 0}", "no family has a share above 0"),
        ("families.reason=-1", "give 0 or more"),
        ("balanse=1", "did you mean 'balance'"),
        ("format=csv", "'jsonl' or 'parquet'"),
        ("shard_size=0", "greater than or equal to 1"),
        ("describe=gpt", "describe"),
    ],
)
def test_a_wrong_recipe_says_what_is_wrong(tmp_path, change, named):
    path = tmp_path / "r.yaml"
    path.write_text("{name: x, output: out, sources: [{source: fer2013, path: .}], families: {reason: 1}}")
    with pytest.raises(SettingsError) as refused:
        load_recipe(BuildRecipe, path, [change])
    assert named in str(refused.value)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no AU codes at"):
        made(tmp_path / "a", sources=[{**SOURCE, "au_codes": "none.csv"}])
    with pytest.raises(FileNotFoundError, match="no FER2013 train data"):
        made(tmp_path / "b", sources=[{"source": "fer2013", "path": "nowhere"}])
    with pytest.raises(ValueError, match="no record came of these sources"):
        made(tmp_path / "c", sources=[FILES], families={"aus": 1})


def test_the_example_recipe_can_be_read():
    assert load_recipe(BuildRecipe, "configs/data/fer2013.yaml").sources[0].source == "fer2013"


def test_a_recipe_may_name_a_model_that_rewrites_the_answers(tmp_path):
    changes = {"families": {"reason": 1.0, "emotion": 1.0}}
    plain = {row["id"]: as_record(row) for row in made(tmp_path / "a", **changes).rows()}
    with serving(well) as server:
        describe = {"model": "m", "base_url": server.url, "cache": str(tmp_path / "replies.jsonl"), "backoff": 0.001}
        store = made(tmp_path / "b", describe=describe, **changes)
        asked = len(server.requests)
        again = made(tmp_path / "c", describe=describe, **changes)
        assert len(server.requests) == asked, "kept replies are not asked for again"
    rewritten = {row["id"]: as_record(row) for row in store.rows()}
    assert rewritten.keys() == plain.keys()
    changed = {name for name, record in rewritten.items() if record != plain[name]}
    assert changed == {name for name, record in plain.items() if record.family == "reason"}
    assert asked == len(changed)
    assert all("Look closely" in rewritten[name].turns[-1].answer for name in changed)
    assert list(store.rows()) == list(again.rows())


def test_a_dead_model_keeps_what_was_built(tmp_path):
    with serving(well) as server:
        url = server.url
    describe = {"model": "m", "base_url": url, "cache": str(tmp_path / "replies.jsonl"), "retries": 0, "backoff": 0}
    with pytest.raises(DescribeError, match="go on"):
        made(tmp_path / "b", describe=describe, families={"reason": 1.0})
    assert len(made(tmp_path / "b2", families={"reason": 1.0})) > 0
    with serving(well) as server:
        describe |= {"base_url": server.url}
        with pytest.raises(SettingsError, match="describe"):
            made(tmp_path / "b", describe={**describe, "model": "another"}, families={"reason": 1.0})
