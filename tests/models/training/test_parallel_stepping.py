"""Session-parallel training: steps are autograd's, it learns, resumes, and refuses what it must."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from models.encoders.gru4rec import INPUTS, GRU4Rec, GRU4RecConfig
from models.encoders.sasrec import SASRecConfig
from models.losses.loss import LossConfig
from models.losses.next_track import next_track_loss
from models.losses.ranking import RANKINGS
from models.sampling import NegativeSampler
from models.sessions import Sessions, packed
from models.training.parallel_stepping import ParallelStepper
from models.training.schedule import Schedule
from models.training.session_parallel import parallel_steps
from models.training.train import fine_tune, train
from tests.models.training.test_train import TRAIN, VALID

CONFIG = GRU4RecConfig(
    items=8, width=6, item_bias=True, dropout=0.0, dropout_hidden=0.0, outcome_dropout=0.0
)
PARALLEL = Schedule(mode="session-parallel", batch=3, learning_rate=0.1, shape="constant")
LOSS = LossConfig(negatives=4, in_batch=True)


def listening(*words: str) -> Sessions:
    plays = [(f"s{i}", [(a, j % 5) for j, a in enumerate(word)]) for i, word in enumerate(words)]
    return packed(plays, [*"abcdefgh"])


SESSIONS = listening("abcd", "hab", "cabgf", "hgfedcba", "ab")


def stepper(loss: LossConfig, inputs: Any = "constrained", rate: float = 0.1) -> ParallelStepper:
    torch.manual_seed(0)
    reads = inputs.startswith("content")
    config = replace(CONFIG, inputs=inputs, features=5 if reads else 0)
    model = GRU4Rec(config, torch.randn(9, 5) if reads else None)
    steps = parallel_steps(SESSIONS, PARALLEL.batch)
    sampler = NegativeSampler(torch.from_numpy(SESSIONS.counts()), loss.sample_alpha)
    schedule = replace(PARALLEL, learning_rate=rate)
    return ParallelStepper(model.train(), loss, schedule, 0, steps, sampler)


CASES = [
    *(LossConfig(name=name, negatives=4, in_batch=True) for name in RANKINGS),
    LossConfig(name="bpr-max", negatives=0, in_batch=True),
    LossConfig(name="top1-max"),
    LossConfig(negatives=6, in_batch=True, sample_alpha=0.5, logq="published"),
    LossConfig(negatives=6, sample_alpha=0.5, logq="unbiased"),
    LossConfig(negatives=6, skip_weights=(0.3, 0.5, 1.0), unlikelihood=0.5),
]


@pytest.mark.parametrize(
    ("loss", "inputs"),
    [*((loss, "constrained") for loss in CASES), *((LOSS, inputs) for inputs in INPUTS)],
)
def test_a_step_moves_every_weight_by_adagrad_along_autograds_gradient(loss, inputs):
    ours = stepper(loss, inputs)
    theirs = stepper(loss, inputs)
    steps = ours._steps
    items, outcomes = steps.items[0].long(), steps.outcomes[0].long()
    model = theirs.model
    states, _ = model.step(model.look_up(items), outcomes, torch.zeros(1, 3, CONFIG.width))
    expected = next_track_loss(
        model,
        states,
        steps.targets[0].long(),
        items,
        loss,
        theirs._sampler,
        theirs.generator,
        loss.emphasis(steps.target_outcomes[0].long()),
    )
    value = ours.take(torch.tensor([0]), 0.0)
    assert value == pytest.approx(expected.item(), rel=1e-4)
    learned = {n: w for n, w in model.named_parameters() if w.requires_grad}
    slopes = torch.autograd.grad(expected, list(learned.values()))
    for (name, before), slope in zip(learned.items(), slopes, strict=True):
        moved = 0.1 * slope / (slope**2 + 1e-6).sqrt()
        after = ours.model.get_parameter(name)
        certain = (slope.abs() > 1e-4) | (slope == 0)  # Adagrad's first step is almost a sign
        torch.testing.assert_close(after[certain], (before - moved)[certain], atol=2e-4, rtol=1e-3)


def test_a_slots_state_is_carried_on_and_begins_anew_with_a_session():
    ours = stepper(LOSS, rate=1e-12)  # the weights stay
    for step in range(4):
        ours.take(torch.tensor([step]), 0.0)
    read, outcomes = ours._steps.items[:, 1], ours._steps.outcomes[:, 1]
    # "hab", of which two are read, and then "hgfedcba".
    assert ours._steps.begins[:4, 1].tolist() == [True, False, True, False]
    with torch.no_grad():
        states = ours.model.eval().states(read[None, 2:4].long(), outcomes[None, 2:4].long())
    torch.testing.assert_close(ours._hidden[0, 1], states[0, 1])


def test_the_last_steps_are_of_the_slots_that_are_left():
    ours = stepper(LOSS)
    left = [len(ours._steps.busy(step)) for step in range(len(ours._steps))]
    assert min(left) == 1
    assert max(left) == 3
    values = [ours.take(torch.tensor([step]), 0.0) for step in range(len(ours._steps))]
    assert all(value > 0 for value in values)
    assert ours.finite()


@pytest.mark.parametrize("name", ["ce", "bpr-max"])
def test_it_learns_what_follows_what(name):
    schedule = replace(PARALLEL, epochs=15, batch=8, momentum=0.2, learning_rate=0.3)
    loss = LossConfig(name=name, negatives=12, in_batch=True)
    config = GRU4RecConfig(items=TRAIN.n_items, length=6, width=16, dropout=0.0, dropout_hidden=0.0)
    trained = train(TRAIN, VALID, config, loss, schedule)
    assert max(trained.valid) > 0.8


def test_a_training_that_was_stopped_goes_on_to_the_same_weights(tmp_path):
    schedule = replace(PARALLEL, epochs=2, momentum=0.3)
    config = GRU4RecConfig(items=TRAIN.n_items, length=6, width=8)
    whole = train(TRAIN, VALID, config, LOSS, schedule)

    class Stop(Exception):
        pass

    def stop(step: Any) -> None:
        if step.done == 20:
            raise Stop

    times = iter(range(10**6))
    kept: dict[str, Any] = {"checkpoint": tmp_path, "checkpoint_every": 1.0}
    with pytest.raises(Stop):
        train(
            TRAIN, VALID, config, LOSS, schedule, **kept, progress=stop,
            clock=lambda: float(next(times)),
        )  # fmt: skip
    assert list(tmp_path.iterdir())
    resumed = train(TRAIN, VALID, config, LOSS, schedule, **kept)
    for name, weights in whole.model.state_dict().items():
        assert torch.equal(weights, resumed.model.state_dict()[name])


def test_what_needs_whole_sessions_or_another_encoder_is_refused():
    with pytest.raises(ValueError, match="skip-contrastive needs whole sessions"):
        stepper(LossConfig(name="skip-contrastive"))
    with pytest.raises(ValueError, match="sasrec is not: train gru4rec"):
        train(TRAIN, VALID, SASRecConfig(items=TRAIN.n_items), LOSS, PARALLEL)
    with pytest.raises(ValueError, match="mode session-parallel cannot do that"):
        fine_tune(GRU4Rec(CONFIG), SESSIONS, SESSIONS, LOSS, PARALLEL)
