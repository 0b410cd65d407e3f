"""Help, version, mistakes and the doctor: what needs no face."""

import subprocess
import sys

import pytest

import feallm
from feallm.doctor import Check, examine, table

HEAVY = ("torch", "transformers", "cv2", "numpy", "PIL", "pydantic")


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['feallm', '--help']\n"
        "from feallm.cli import main\n"
        "try: main()\n"
        f"finally: print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "HEAVY []" in done.stdout
    for verb in ("analyze", "chat", "whatif", "train", "doctor"):
        assert verb in done.stdout


def test_the_version_is_the_package_s(feallm_command):
    result = feallm_command("--version")
    assert (result.exit_code, result.stdout) == (0, f"feallm {feallm.__version__}\n")


def test_without_a_verb_there_is_help(feallm_command):
    assert "analyze" in feallm_command().output


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--detector", "psychic"], "unknown detector 'psychic'"),
        (["--model", "./nowhere"], "no checkpoint at nowhere"),
        (["--output", "x.xlsx"], ".parquet"),
        (["--batch-size", "0"], "batch_size must be 1 or more, got 0"),
        (["--annotate", "photo.png/inside"], "cannot write in photo.png/inside"),
    ],
)
def test_a_mistake_ends_with_two_and_a_line_that_helps(feallm_command, tmp_path, monkeypatch, arguments, named):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.png").write_text("")
    result = feallm_command("analyze", "photo.png", *arguments)
    assert result.exit_code == 2
    assert named in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_analyze_without_inputs_is_bad_usage(feallm_command):
    assert feallm_command("analyze").exit_code == 2


def test_train_names_what_is_wrong_with_a_recipe(feallm_command, tmp_path):
    result = feallm_command("train", tmp_path / "none.yaml")
    assert result.exit_code == 2
    assert "no recipe at" in result.stderr
    (tmp_path / "odd.yaml").write_text("sed: 3")
    result = feallm_command("train", tmp_path / "odd.yaml", "seed=4")
    assert result.exit_code == 2
    assert "did you mean 'seed'" in result.stderr


def test_the_doctor_looks_at_everything():
    checks = examine()
    states = {check.name: check.state for check in checks}
    needed = ("onnxruntime", "tokenizers", "numpy", "opencv-python-headless", "pillow", "detector", "checkpoint")
    for name in ("python", "feallm", *needed):
        assert states[name] == "ok"
    assert {"torchvision", "processor", "cuda", "memory", "extra torch", "extra export", "extra train"} <= set(states)
    assert all(check.detail for check in checks)
    assert table(checks).row_count == len(checks)


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("warn", 0), ("fail", 1)])
def test_the_doctor_ends_with_one_where_something_fails(feallm_command, monkeypatch, state, code):
    monkeypatch.setattr("feallm.doctor.examine", lambda: [Check("thing", state, "what to do")])
    result = feallm_command("doctor")
    assert result.exit_code == code
    assert "what to do" in result.stdout


def test_a_broken_package_is_a_failure_and_a_broken_torchvision_a_warning(monkeypatch, tmp_path):
    from feallm import doctor

    (tmp_path / "torchvision.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    (tmp_path / "shattered.py").write_text("raise OSError('libgone.so: cannot open')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    assert doctor._torchvision().state == "warn"
    assert "pip uninstall torchvision" in doctor._torchvision().detail
    assert doctor._package("shattered", "shattered").state == "fail"
