"""Training learns, stops, repeats itself, and never touches what it was given."""

import numpy as np
import pytest
import torch

from models.encoders.encoder import Encoder
from models.encoders.sasrec import SASRec, SASRecConfig
from models.losses.loss import LossConfig
from models.losses.objective import batch_loss
from models.sampling import training_rows
from models.sessions import Sessions, packed
from models.training.optimisation import Step
from models.training.schedule import Schedule
from models.training.train import fine_tune, train

TRACKS = [f"t{i}" for i in range(12)]
CONFIG = SASRecConfig(items=12, length=6, width=16, heads=2, dropout=0.1)
SHORT = Schedule(epochs=2, batch=16)


def walks(count: int, step: int, seed: int) -> Sessions:
    """Sessions in which each track is `step` on from the one before: learnable to the last."""
    rng = np.random.default_rng(seed)
    return packed(
        (
            (
                f"s{i}",
                [(TRACKS[(start + step * j) % 12], int(rng.integers(0, 5))) for j in range(7)],
            )
            for i, start in enumerate(rng.integers(0, 12, count))
        ),
        TRACKS,
    )


@torch.no_grad()
def loss_of(model: Encoder, sessions: Sessions, config: LossConfig) -> float:
    return float(batch_loss(model, training_rows(sessions, 6), config, torch.Generator()))


TRAIN, VALID = walks(60, 1, 0), walks(12, 1, 1)


@pytest.mark.parametrize(
    "loss",
    [
        LossConfig(),
        LossConfig(negatives=6),
        LossConfig(name="skip-contrastive", alpha=0.1),
        LossConfig(name="skip-contrastive", alpha=0.1, context="item"),
    ],
    ids=["full", "sampled", "output", "item"],
)
def test_every_loss_learns_what_follows_what(loss):
    trained = train(TRAIN, VALID, CONFIG, loss, Schedule(epochs=25, batch=16, learning_rate=1e-2))
    assert trained.valid[trained.best_epoch - 1] > 0.9
    assert trained.losses[-1] < trained.losses[0]
    assert not trained.model.training


@pytest.mark.gpu
def test_a_gpu_learns_too():
    schedule = Schedule(epochs=25, batch=16, learning_rate=1e-2)
    loss = LossConfig(name="skip-contrastive", alpha=0.1)
    trained = train(TRAIN, VALID, CONFIG, loss, schedule, device=torch.device("cuda"))
    assert trained.model.item_embedding.weight.is_cuda
    assert max(trained.valid) > 0.9


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others():
    runs = [train(TRAIN, VALID, CONFIG, LossConfig(), SHORT, seed=seed) for seed in (3, 3, 4)]
    weights = [run.model.item_embedding.weight for run in runs]
    assert torch.equal(weights[0], weights[1])
    assert runs[0].losses == runs[1].losses
    assert not torch.equal(weights[0], weights[2])


def test_training_leaves_torchs_randomness_and_threads_as_they_were():
    torch.manual_seed(7)
    expected, threads = torch.rand(1), torch.get_num_threads()
    torch.manual_seed(7)
    train(TRAIN, VALID, CONFIG, LossConfig(), SHORT)
    assert torch.equal(torch.rand(1), expected)
    assert torch.get_num_threads() == threads


def test_the_padding_row_stays_zero():
    trained = train(TRAIN, VALID, CONFIG, LossConfig(name="skip-contrastive"), SHORT)
    assert trained.model.item_embedding.weight[0].abs().sum() == 0


def test_the_best_epoch_is_kept_and_patience_ends_the_run():
    """At this rate the first epochs learn and later ones destroy."""
    schedule = Schedule(epochs=40, batch=16, learning_rate=0.3, patience=2)
    trained = train(TRAIN, VALID, CONFIG, LossConfig(), schedule)
    assert trained.valid[trained.best_epoch - 1] == max(trained.valid)
    assert len(trained.losses) < 40
    assert len(trained.losses) - trained.best_epoch >= 2


def test_a_loss_that_is_not_finite_stops_with_what_to_do():
    with pytest.raises(
        FloatingPointError, match=r"the loss is (nan|inf) .* lower the learning rate"
    ):
        train(TRAIN, VALID, CONFIG, LossConfig(), Schedule(learning_rate=1e30, batch=4))


def test_weights_that_the_last_step_broke_are_noticed_without_another_loss():
    """One step: its loss was finite, and nothing is validated."""
    model = SASRec(CONFIG)
    with pytest.raises(FloatingPointError, match="weights are not finite at step 1 of 1"):
        fine_tune(
            model,
            TRAIN.select([0]),
            TRAIN.select([]),
            LossConfig(),
            Schedule(epochs=1, learning_rate=1e39),
        )


def test_nothing_to_validate_with_is_refused():
    with pytest.raises(ValueError, match="none of 1 validation sessions has two tracks"):
        train(TRAIN, packed([("s", [("t1", 1)])], TRACKS), CONFIG, LossConfig())


def test_time_runs_out_in_the_middle_of_an_epoch():
    ticks = iter(range(1000))
    schedule = Schedule(epochs=50, batch=4, seconds=20)
    trained = train(TRAIN, VALID, CONFIG, LossConfig(), schedule, clock=lambda: float(next(ticks)))
    assert len(trained.losses) == len(trained.valid) == 2  # 15 steps each, a tick a step
    assert trained.seconds <= 25


def test_progress_counts_every_step_and_knows_the_last_validation():
    steps: list[Step] = []
    trained = train(TRAIN, VALID, CONFIG, LossConfig(), SHORT, progress=steps.append)
    assert [step.done for step in steps] == list(range(1, 9))
    assert {step.total for step in steps} == {8}
    assert steps[0].valid is None
    assert steps[-1].valid == trained.valid[0]
    assert steps[-1].loss == trained.losses[-1]


def test_sessions_of_another_catalog_are_refused():
    with pytest.raises(ValueError, match="catalog has 12 tracks, the model's 11"):
        train(TRAIN, VALID, SASRecConfig(items=11, width=16, heads=2), LossConfig())


def test_nothing_to_learn_from_is_refused():
    lone = packed([("s", [("t1", 1)])], TRACKS)
    with pytest.raises(ValueError, match="none of 1 sessions"):
        train(lone, VALID, CONFIG, LossConfig())


def test_fine_tuning_learns_the_new_and_replay_keeps_the_old():
    old = train(TRAIN, VALID, CONFIG, LossConfig(), Schedule(epochs=20, batch=16)).model
    before = {name: weight.clone() for name, weight in old.state_dict().items()}
    new, new_valid = walks(40, 5, 2), walks(12, 5, 3)
    schedule = Schedule(epochs=12, batch=16, learning_rate=3e-3)
    tuned = fine_tune(old, new, TRAIN, LossConfig(), schedule, valid=new_valid)
    assert tuned.valid[-1] > tuned.valid[0]
    assert all(torch.equal(before[name], weight) for name, weight in old.state_dict().items())

    alone = fine_tune(old, new, TRAIN.select([]), LossConfig(), schedule)
    assert loss_of(tuned.model, VALID, LossConfig()) < loss_of(alone.model, VALID, LossConfig())
    assert alone.valid == []
    assert alone.best_epoch == 12


def test_a_batchs_loss_is_alpha_and_beta_of_its_parts():
    torch.manual_seed(0)
    model = SASRec(CONFIG).eval()

    def loss(alpha: float, beta: float) -> float:
        config = LossConfig(name="skip-contrastive", alpha=alpha, beta=beta)
        return loss_of(model, TRAIN, config)

    plain = loss_of(model, TRAIN, LossConfig())
    assert loss(0, 1) == pytest.approx(plain)
    assert loss(1, 0) > 0
    assert loss(0.3, 0.7) == pytest.approx(0.3 * loss(1, 0) + 0.7 * plain, rel=1e-5)
