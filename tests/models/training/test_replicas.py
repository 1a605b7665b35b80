"""Processes that train together take the steps that one would have taken with the whole batch."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file

from models.encoders.architectures import make_encoder
from models.losses.loss import LossConfig
from models.sampling import NegativeSampler, training_rows
from models.training.optimisation import Trained
from models.training.replicas import ALONE, Replicas, joined_replicas
from models.training.schedule import Schedule
from models.training.stepping import RowStepper, Stepper
from models.training.train import train
from tests.models.training.test_train import CONFIG, TRAIN, VALID

ROOT = Path(__file__).parents[3]
QUIET = replace(CONFIG, dropout=0.0, outcome_dropout=0.0)  # each process draws its own dropout
SCHEDULE = Schedule(epochs=2, batch=7)  # an odd batch: shares differ
SCRIPT = """
import os, sys
from pathlib import Path
from safetensors.torch import save_file
from models.training.replicas import joined_replicas
from tests.models.training.test_replicas import run
with joined_replicas(os.environ) as group:
    stop = int(sys.argv[2])
    def progress(step):
        if step.done == stop:
            raise SystemExit(9)
    trained = run(group, Path(sys.argv[1]) / "state", progress)
    save_file(trained.model.state_dict(), Path(sys.argv[1]) / f"{group.number}.safetensors")
"""


def run(group: Replicas = ALONE, checkpoint=None, progress=lambda step: None) -> Trained:
    return train(
        TRAIN, VALID, QUIET, LossConfig(negatives=6), SCHEDULE, seed=5, replicas=group,
        checkpoint=checkpoint, checkpoint_every=0, progress=progress,
    )  # fmt: skip


def two_processes(folder: Path, stop: int = 0) -> subprocess.CompletedProcess[str]:
    script = folder / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    return subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
            str(script), str(folder), str(stop),
        ],
        capture_output=True, text=True, check=False, cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def test_two_processes_learn_what_one_does_with_the_same_batch(tmp_path):
    """And they go on after a stop in the middle, each with its own random state."""
    stopped = two_processes(tmp_path, stop=4)
    assert stopped.returncode != 0
    assert (tmp_path / "state" / "state.safetensors").exists()
    ran = two_processes(tmp_path)
    assert ran.returncode == 0, ran.stderr
    one, other = (load_file(tmp_path / f"{number}.safetensors") for number in (0, 1))
    assert all(torch.equal(one[name], other[name]) for name in one)
    alone, together = run().model, make_encoder(QUIET).eval()
    together.load_state_dict(one)
    # Not the weights: a bias of keys changes nothing, and Adam makes steps of its rounding errors.
    items, outcomes = (part[:, :-1].long() for part in training_rows(VALID, QUIET.length))
    with torch.no_grad():
        one_by_one, both = (m.logits(m.states(items, outcomes)) for m in (alone, together))
    assert torch.allclose(one_by_one, both, atol=1e-3)


def test_a_replica_goes_on_from_its_own_random_state():
    rows = training_rows(TRAIN, CONFIG.length)

    def stepper(seed: int, group: Replicas = ALONE) -> Stepper:
        sampler = NegativeSampler(torch.ones(13))
        return RowStepper(make_encoder(CONFIG), LossConfig(), SCHEDULE, seed, rows, sampler, group)

    first, second = stepper(1).tensors(), stepper(2).tensors()
    both = {
        name: torch.cat([tensor, second[name]]) if name.startswith("random.") else tensor
        for name, tensor in first.items()
    }
    restored = stepper(3, Replicas(1, 2))
    with torch.random.fork_rng():
        restored.restore(both)
    assert torch.equal(restored.generator.get_state(), second["random.generator"][0])


def test_shares_are_disjoint_and_together_all():
    rows = torch.arange(7)
    shares = [Replicas(number, 3).share(rows) for number in range(3)]
    assert sorted(torch.cat(shares).tolist()) == rows.tolist()
    assert [len(share) for share in shares] == [3, 2, 2]
    assert len(Replicas(2, 3).share(rows[:2])) == 0


def test_alone_nothing_is_asked_of_anybody():
    gradient = torch.ones(3)
    with joined_replicas({}) as group:
        assert group is ALONE
        assert group.average([gradient], 0.5, 9) == 0.5
        assert group.agreed(1.25) == 1.25
        assert group.gathered(gradient).shape == (1, 3)
    assert gradient.tolist() == [1, 1, 1]
