"""BERT4Rec: what [MSK] is told and what it is not, how it starts, and that it learns."""

import numpy as np
import pytest
import torch

from models.encoders.bert4rec import BERT4Rec, BERT4RecConfig
from models.losses.loss import LossConfig
from models.losses.objective import batch_loss
from models.sampling import Rows
from models.sessions import Sessions, packed
from models.training.schedule import Schedule
from models.training.train import train

CONFIG = BERT4RecConfig(items=12, length=6, width=16, heads=2, dropout=0.1, masked=0.3)
ITEMS = torch.tensor([[3, 1, 4, 1, 5, 9], [2, 6, 5, 0, 0, 0]])
OUTCOMES = torch.tensor([[1, 4, 1, 1, 2, 1], [4, 1, 1, 0, 0, 0]])
HIDDEN = torch.tensor([[0, 0, 1, 0, 0, 1], [0, 1, 0, 0, 0, 0]]).bool()


@pytest.fixture
def model():
    torch.manual_seed(0)
    return BERT4Rec(CONFIG).eval()


@torch.no_grad()
def test_a_hidden_track_and_its_outcome_change_nothing(model):
    told = model.states(ITEMS, OUTCOMES, HIDDEN)
    others = model.states(ITEMS + 2 * HIDDEN, OUTCOMES * ~HIDDEN, HIDDEN)
    torch.testing.assert_close(told, others)


@torch.no_grad()
def test_what_comes_later_changes_what_is_guessed_before(model):
    later = ITEMS.clone()
    later[0, 4] = 11
    before, after = (model.states(items, OUTCOMES, HIDDEN)[0, 2] for items in (ITEMS, later))
    assert not torch.allclose(before, after)


@torch.no_grad()
def test_how_a_track_ended_changes_what_is_guessed(model):
    lengths = torch.tensor([6, 3])
    other = OUTCOMES.clone()
    other[:, 1] = 3
    assert not torch.allclose(model(ITEMS, OUTCOMES, lengths), model(ITEMS, other, lengths))
    blind = BERT4Rec(BERT4RecConfig(**{**vars(CONFIG), "outcomes": False})).eval()
    torch.testing.assert_close(blind(ITEMS, OUTCOMES, lengths), blind(ITEMS, other, lengths))


@torch.no_grad()
def test_a_row_of_padding_alone_is_finite(model):
    nothing = torch.zeros(1, 4, dtype=torch.int64)
    assert model.states(nothing, nothing).isfinite().all()


def test_weights_start_as_the_table_says(model):
    assert model.item_embedding.weight[0].abs().sum() == 0
    assert model.item_bias.abs().sum() == 0
    for vectors in (model.item_embedding.weight, model.mask_embedding):
        assert vectors.abs().max() <= 0.2
    assert model.mask_embedding.abs().sum() > 0


def test_every_weight_learns_from_a_batch(model):
    rows = Rows(torch.cat([ITEMS, ITEMS[:, :1]], dim=1), torch.cat([OUTCOMES, ITEMS[:, :1]], dim=1))
    loss = batch_loss(model.train(), rows, LossConfig(), torch.Generator().manual_seed(0))
    loss.backward()  # type: ignore[no-untyped-call]
    idle = [name for name, weights in model.named_parameters() if weights.grad is None]
    assert idle == []


@torch.no_grad()
def test_only_what_was_hidden_is_learned():
    sure = BERT4Rec(BERT4RecConfig(**{**vars(CONFIG), "last_masked": 1.0})).eval()
    row = torch.tensor([[6, 7]])
    loss, changed = (
        float(batch_loss(sure, Rows(items, 0 * items), LossConfig(), torch.Generator()))
        for items in (row, row.where(row != 7, 8))
    )
    scores = sure.logits(sure(row[:, :1], 0 * row[:, :1], torch.tensor([1])))[0, 1:]
    scores[5] = -torch.inf  # the current track is no class
    expected = torch.log_softmax(scores, 0)
    assert loss == pytest.approx(-float(expected[6]), abs=1e-5)
    assert changed == pytest.approx(-float(expected[7]), abs=1e-5)


def walks(count: int, seed: int) -> Sessions:
    """Sessions in which each track is one on from the one before."""
    rng = np.random.default_rng(seed)
    return packed(
        (
            (f"s{i}", [(f"t{(start + j) % 12}", int(rng.integers(0, 5))) for j in range(7)])
            for i, start in enumerate(rng.integers(0, 12, count))
        ),
        [f"t{i}" for i in range(12)],
    )


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
    config = BERT4RecConfig(**{**vars(CONFIG), "last_masked": 0.5})
    schedule = Schedule(epochs=30, batch=16, learning_rate=2e-2, patience=30)
    trained = train(walks(120, 0), walks(12, 1), config, loss, schedule)
    assert trained.valid[trained.best_epoch - 1] > 0.7  # by chance .26


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"items": 0}, "1 or more"),
        ({"heads": 3}, "width 16 is not divisible by 3 heads"),
        ({"dropout": 1.0}, "dropout 1.0"),
        ({"masked": 0.0}, r"masked 0.0 must be in \(0, 1\]"),
        ({"last_masked": 2.0}, r"last_masked 2.0 in \[0, 1\]"),
    ],
)
def test_sizes_that_cannot_be_built_are_refused(wrong, named):
    with pytest.raises(ValueError, match=named):
        BERT4RecConfig(**{**vars(CONFIG), **wrong})
