"""A training that is killed goes on to the very same numbers, or says why it cannot."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from models.encoders.sasrec import SASRecConfig
from models.losses.loss import LossConfig
from models.sessions import packed
from models.training.optimisation import Trained
from models.training.schedule import Schedule
from models.training.state import Place, TrainingState, digest
from models.training.train import train
from tests.models.training.test_train import CONFIG, TRAIN, VALID, walks

LOSS = LossConfig(name="skip-contrastive", negatives=6)  # negatives: a second random state
SCHEDULE = Schedule(epochs=4, batch=16, weight_decay=0.01)
STEPS = 16  # 4 an epoch
ROOT = Path(__file__).parents[3]
SCRIPT = """
import sys
from pathlib import Path
from tests.models.training.test_state import run
run(Path(sys.argv[1]), lambda step: print(step.done, flush=True))
"""


class Stopped(Exception):
    """Raised in the middle of a training."""


def run(folder: Path | None, progress=lambda step: None, every: float = 0.0) -> Trained:
    return train(
        TRAIN,
        VALID,
        CONFIG,
        LOSS,
        SCHEDULE,
        seed=3,
        checkpoint=folder,
        checkpoint_every=every,
        progress=progress,
    )


def stopped_at(done: int):
    def progress(step):
        if step.done == done:
            raise Stopped

    return progress


def hashed(trained: Trained) -> str:
    return digest(trained.model.state_dict().values())


@pytest.fixture(scope="module")
def whole() -> Trained:
    return run(None)


def test_a_process_that_was_killed_goes_on_to_the_same_weights(tmp_path, whole):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, tmp_path], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 7:  # in the second epoch
                break
        os.kill(process.pid, signal.SIGKILL)
        process.stdout.read()
    assert process.returncode == -signal.SIGKILL
    steps: list[int] = []
    resumed = run(tmp_path, lambda step: steps.append(step.done))
    assert 5 < steps[0] < STEPS
    assert hashed(resumed) == hashed(whole)
    assert (resumed.losses, resumed.valid) == (whole.losses, whole.valid)


@pytest.mark.parametrize("done", [1, 4, 5, 16])
@pytest.mark.parametrize("every", [0.0, 1e9], ids=["each step", "each epoch"])
def test_wherever_it_stops_it_ends_the_same(tmp_path, whole, done, every):
    with pytest.raises(Stopped):
        run(tmp_path, stopped_at(done), every)
    assert hashed(run(tmp_path, every=every)) == hashed(whole)


def test_a_training_that_had_ended_gives_its_result_without_a_step(tmp_path, whole):
    run(tmp_path)
    assert hashed(run(tmp_path, stopped_at(1))) == hashed(whole)


def test_the_seconds_before_the_stop_count(tmp_path):
    def timed(progress=lambda step: None) -> Trained:
        ticks = iter(range(1000))
        return train(
            TRAIN, VALID, CONFIG, LOSS, Schedule(epochs=50, batch=16, seconds=30),
            checkpoint=tmp_path, checkpoint_every=0, progress=progress,
            clock=lambda: float(next(ticks)),
        )  # fmt: skip

    with pytest.raises(Stopped):
        timed(stopped_at(15))
    steps: list[int] = []
    assert timed(lambda step: steps.append(step.done)).seconds >= 30
    assert steps[0] > 10
    assert len(steps) < 20


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"seed": 4}, "seed was 3, is now 4"),
        ({"loss": LossConfig()}, "loss was {'name': 'skip-contrastive'"),
        ({"schedule": Schedule(epochs=5, batch=16, weight_decay=0.01)}, "'epochs': 4}, is now"),
        ({"sessions": walks(60, 1, 9)}, "sessions was"),
        ({"valid": walks(12, 1, 9)}, "validation sessions was"),
        ({"config": SASRecConfig(items=12, length=7, width=16, heads=2)}, "{'length': 6"),
    ],
)
def test_another_training_is_refused_with_what_differs(tmp_path, changed, named):
    with pytest.raises(Stopped):
        run(tmp_path, stopped_at(6))
    given = {
        "sessions": TRAIN, "valid": VALID, "config": CONFIG, "loss": LOSS, "schedule": SCHEDULE,
        "seed": 3, **changed,
    }  # fmt: skip
    with pytest.raises(ValueError, match="delete the folder to begin anew") as refused:
        train(**given, checkpoint=tmp_path)
    assert named in str(refused.value)


def test_a_checkpoint_of_another_catalog_is_refused(tmp_path):
    """The same items in the same order, by other names."""
    with pytest.raises(Stopped):
        run(tmp_path, stopped_at(6))
    renamed = [f"u{i}" for i in range(12)]
    others = [
        packed(
            [
                (sid, [(f"u{track[1:]}", outcome) for track, outcome in part.occurrences(i)])
                for i, sid in enumerate(part.session_ids)
            ],
            renamed,
        )
        for part in (TRAIN, VALID)
    ]
    with pytest.raises(ValueError, match="another unfinished training: catalog was"):
        train(others[0], others[1], CONFIG, LOSS, SCHEDULE, seed=3, checkpoint=tmp_path)


@pytest.mark.parametrize("damage", [b"", b"nothing of the kind", None])
def test_a_damaged_state_is_refused_with_what_to_do(tmp_path, damage):
    state = TrainingState(tmp_path, {"seed": 1}, every=0)
    state.write(Place(), {"x": torch.ones(3)})
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-4] if damage is None else damage)
    with pytest.raises(ValueError, match="to train from the beginning"):
        state.read()


def test_what_is_written_is_read_back_and_nothing_else_is_left(tmp_path):
    state = TrainingState(tmp_path / "new", {"seed": 1, "betas": (0.9, 0.999)}, every=0)
    assert state.read() is None
    for step in (1, 2):
        state.write(Place(step=step, losses=[0.1]), {"x": torch.arange(3) * step})
    found = state.read()
    assert found is not None
    assert found[0] == Place(step=2, losses=[0.1])
    assert found[1]["x"].tolist() == [0, 2, 4]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["state.safetensors"]
