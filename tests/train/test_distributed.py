"""Real processes: a run ended by `kill -9` goes on, and several processes learn what one learns."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from .worker import ONE_STAGE

STILL = ["model.clues.dropout=0", "model.head.dropout=0", "model.head.intervention_weight=0"]
"""No chance inside the model: each process draws its own."""
ROOT = Path(__file__).parent.parent.parent


def start(output, *arguments, processes=0, **environment):
    """A run in its own process, or in several under torchrun."""
    torchrun = ["-m", "torch.distributed.run", "--nproc_per_node", str(processes), "--master_port", "0"]
    launched = [*torchrun, "--standalone"] if processes else []
    command = [sys.executable, *launched, "-m", "tests.train.worker", str(output), *arguments]
    settings = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", **environment}
    return subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=120, check=False)


def losses(output):
    """Loss and gradient norm of every step of the only stage, from the Trainer's own log."""
    state = max((output / "1-only").glob("checkpoint-*/trainer_state.json"), key=lambda path: path.stat().st_mtime)
    history = json.loads(state.read_text())["log_history"]
    return {entry["step"]: (entry["loss"], entry["grad_norm"]) for entry in history if "loss" in entry}


def weights(output):
    return load_file(output / "1-only/model/model.safetensors")


@pytest.mark.slow
def test_a_run_killed_by_the_system_goes_on_to_the_same_weights(tmp_path):
    settings = [ONE_STAGE["lora"], "save_steps=2"]
    whole = start(tmp_path / "whole", *settings)
    assert whole.returncode == 0, whole.stderr[-2000:]
    killed = start(tmp_path / "cut", *settings, "--die-at", "3")
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "cut/1-only/done.json").exists()
    again = start(tmp_path / "cut", *settings)
    assert again.returncode == 0, again.stderr[-2000:]
    assert losses(tmp_path / "whole") == losses(tmp_path / "cut")
    assert len(losses(tmp_path / "whole")) == 6
    again = weights(tmp_path / "cut")
    for name, value in weights(tmp_path / "whole").items():
        assert torch.equal(value, again[name]), name


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["faces", "lora"])
def test_two_processes_learn_what_one_learns(tmp_path, kind):
    """The same global batch: losses and weights within 1e-4, gradient norms within 1 % (sums in another order)."""
    one = start(tmp_path / "one", ONE_STAGE[kind], *STILL)
    assert one.returncode == 0, one.stderr[-2000:]
    two = start(tmp_path / "two", ONE_STAGE[kind], *STILL, processes=2)
    assert two.returncode == 0, two.stderr[-3000:]
    alone, together = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert alone.keys() == together.keys() == set(range(1, 7))
    for step, (loss, norm) in alone.items():
        assert together[step][0] == pytest.approx(loss, abs=1e-4), step
        assert together[step][1] == pytest.approx(norm, rel=0.01), step
    again = weights(tmp_path / "two")
    for name, value in weights(tmp_path / "one").items():
        if "running_" not in name and "num_batches" not in name:  # those are the first process's, by half the faces
            assert torch.allclose(value, again[name], atol=1e-4), name
