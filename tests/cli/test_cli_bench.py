"""`feallm bench` as a user meets it: each verb, its exit status, and one line for each mistake."""

import json

import pytest

from tests.bench.runs import draw, rows


@pytest.fixture
def data(tmp_path):
    return draw(tmp_path / "data")


@pytest.fixture
def bench(feallm_command, data, tmp_path):
    """`bench(tasks, model, …)`: `feallm bench run` into the folder `out`."""

    def run(*tasks, model="canned:Surprise.", output=None, **options):
        extra = [part for name, value in options.items() for part in (f"--{name}", value)]
        output = tmp_path / "out" if output is None else output
        return feallm_command("bench", "run", *tasks, "--model", model, "--data", data, "-o", output, *extra)

    return run


def test_list_shows_tasks_and_suites(feallm_command):
    every = feallm_command("bench", "list")
    assert every.exit_code == 0
    for word in ("mini_ferplus", "rafdb", "bp4d", "disfa", "zero-shot", "8 emotions", "12 units"):
        assert word in every.stdout
    one = feallm_command("bench", "list", "mini_ferplus")
    assert "Which of these does the face show" in one.stdout
    assert "contempt" in one.stdout
    wrong = feallm_command("bench", "list", "minni_ferplus")
    assert (wrong.exit_code, "did you mean mini_ferplus" in wrong.stderr) == (2, True)


def test_run_score_report_and_compare(bench, feallm_command, tmp_path):
    done = bench("mini_ferplus", "mini_fer2013", limit=10)
    assert done.exit_code == 0
    folders = [tmp_path / "out" / name for name in ("mini_ferplus", "mini_fer2013")]
    assert done.stdout.split() == [str(folder) for folder in folders]
    assert "10 of 10 answered, 10 of them now" in done.stderr
    assert len(rows(folders[0] / "predictions.jsonl")) == 10
    again = bench("mini_ferplus", "mini_fer2013", limit=10)
    assert "10 of 10 answered, 0 of them now" in again.stderr

    scored = feallm_command("bench", "score", tmp_path / "out")
    assert scored.exit_code == 0
    assert "accuracy" in scored.stdout
    assert "what it was trained on is not known" in " ".join(scored.stdout.split())
    assert json.loads((folders[0] / "score.json").read_text(encoding="utf-8"))["counts"]["n"] == 10
    same = feallm_command("bench", "score", tmp_path / "out", "--data", tmp_path / "data")
    assert same.exit_code == 0

    page = feallm_command("bench", "report", tmp_path / "out", "-o", tmp_path / "report.md")
    assert page.exit_code == 0
    assert "mini" in (tmp_path / "report.md").read_text(encoding="utf-8").lower()

    bench("mini_ferplus", model="canned:Neutral.", output=tmp_path / "other", limit=10)
    compared = feallm_command("bench", "compare", tmp_path / "out", tmp_path / "other")
    assert compared.exit_code == 0
    assert "McNemar" in compared.stdout
    assert compared.stdout.count("10 items") == 1  # the one task that both have


def test_what_is_left_open_ends_with_one(bench, monkeypatch, tmp_path):
    from feallm.bench.responders import RESPONDERS
    from tests.bench.runs import Looks

    monkeypatch.setitem(RESPONDERS, "looks", lambda what, options: Looks(fails=["fer0000003"]))
    left = bench("mini_ferplus", model="looks")
    assert left.exit_code == 1
    assert "21 of 22 answered" in left.stderr
    assert "1 failed (no reply in 120 s): the same command asks them again" in left.stderr
    monkeypatch.setitem(RESPONDERS, "looks", lambda what, options: Looks())
    assert bench("mini_ferplus", model="looks").exit_code == 0


def test_a_dead_model_is_one_line_and_the_rest_is_kept(bench, monkeypatch):
    from feallm.bench.responders import RESPONDERS
    from tests.bench.runs import Looks

    monkeypatch.setitem(RESPONDERS, "looks", lambda what, options: Looks(dies_at=1))
    dead = bench("mini_ferplus", model="looks")
    assert dead.exit_code == 2
    assert "error: the model is gone" in dead.stderr
    assert "16 of 22 answers are kept" in dead.stderr
    assert "Traceback" not in dead.stderr


def test_a_suite_goes_on_past_what_cannot_be_run(bench, monkeypatch, tmp_path):
    from feallm.bench.responders import RESPONDERS
    from tests.bench.runs import Looks

    monkeypatch.setitem(RESPONDERS, "looks", lambda what, options: Looks(kinds=["emotion"]))
    done = bench("mini_ferplus", "rafdb", model="looks")
    assert done.exit_code == 1
    assert "rafdb: " in done.stderr
    assert (tmp_path / "out" / "mini_ferplus" / "predictions.jsonl").is_file()
    suite = bench("mini", model="looks", output=tmp_path / "suite", limit=2)
    assert "mini_reason: left out, looks does not answer reason" in suite.stderr
    assert (tmp_path / "suite" / "mini_fer2013" / "predictions.jsonl").is_file()


def test_each_source_may_have_a_folder_of_its_own(feallm_command, tmp_path):
    draw(tmp_path / "sets" / "fer2013")
    done = feallm_command(
        "bench", "run", "mini_ferplus", "--model", "canned:x", "--data", tmp_path / "sets", "-o", tmp_path / "out"
    )
    assert done.exit_code == 0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"tasks": ["mini_ferplu"]}, "no task or suite is named 'mini_ferplu': did you mean mini_ferplus"),
        ({"model": "cannned:x"}, "unknown model 'cannned', did you mean 'canned'?"),
        ({"set": "devise=cpu"}, "devise: unknown key, did you mean 'device'?"),
        ({"set": "batch_size=0"}, "batch_size: Input should be greater than or equal to 1"),
        ({"set": "batch_size"}, "expected key=value"),
        ({"limit": 0}, "at least one face"),
        ({"engine": "spark"}, "no engine is called 'spark'"),
        ({"tasks": ["rafdb"]}, "RAF-DB"),
    ],
)
def test_mistakes_are_one_line(bench, changes, told):
    tasks = changes.pop("tasks", ["mini_ferplus"])
    wrong = bench(*tasks, **changes)
    assert wrong.exit_code == 2
    assert told in " ".join(wrong.stderr.split())
    assert "Traceback" not in wrong.stderr


def test_data_that_are_not_there_are_named(feallm_command, tmp_path):
    wrong = feallm_command(
        "bench", "run", "mini_ferplus", "--model", "canned:x", "--data", tmp_path / "no", "-o", tmp_path / "out"
    )
    assert (wrong.exit_code, "no data at" in wrong.stderr) == (2, True)
    for verb in (["score"], ["report", "-o", tmp_path / "r.md"]):
        assert feallm_command("bench", *verb, tmp_path / "no").exit_code == 2


def test_settings_reach_the_run(bench, tmp_path):
    bench("mini_ferplus", set="trained_on=fer2013:train,rafdb")
    made = json.loads((tmp_path / "out" / "mini_ferplus" / "run.json").read_text(encoding="utf-8"))
    assert made["responder"]["trained_on"] == ["fer2013:train", "rafdb"]
    assert made["contamination"] == "same set"


def test_a_damaged_run_among_others_is_named(bench, feallm_command, tmp_path):
    bench("mini_ferplus", "mini_fer2013", limit=5)
    (tmp_path / "out" / "mini_fer2013" / "items.jsonl").write_text("{}\n")
    scored = feallm_command("bench", "score", tmp_path / "out")
    assert scored.exit_code == 1
    assert "items.jsonl, line 1 is damaged" in scored.stderr
    assert "accuracy" in scored.stdout
    (tmp_path / "out" / "mini_ferplus" / "run.json").unlink()
    assert feallm_command("bench", "score", tmp_path / "out").exit_code == 2


def test_export_names_the_files(feallm_command, tmp_path):
    done = feallm_command("bench", "export", "mini_ferplus", "--to", "lmms-eval", "-o", tmp_path / "task")
    assert done.exit_code == 0
    assert done.stdout.split()
    wrong = feallm_command("bench", "export", "--to", "lm-eval", "-o", tmp_path / "task")
    assert (wrong.exit_code, "lmms-eval" in wrong.stderr) == (2, True)
