"""Training a factorisation machine: its losses, its negatives, and that it learns."""

from typing import Any

import numpy as np
import pytest
import torch

from models.data.canonical import to_frame
from models.factorisation.fm import FmConfig, Logits
from models.factorisation.interactions import interactions
from models.factorisation.scoring import FmScorer
from models.factorisation.training import FmSchedule, Negatives, fm_loss, graph_of, train_fm
from models.sessions import packed

# Two circles of tracks; what comes next is the next in the circle.
PLAYS = [
    (str(start), [(f"{side}{(start + step) % 6}", 1) for step in range(5)])
    for side in "ab"
    for start in range(6)
]
PLAYS = [(f"{tracks[0][0]}-{name}", tracks) for name, tracks in PLAYS]
DATA = interactions(to_frame(packed(PLAYS)), ("previous",))
SCHEDULE = FmSchedule(epochs=30, batch=16, rate=0.05)


def config(**given: Any) -> FmConfig:
    return FmConfig(features=DATA.n_features, items=DATA.n_items, width=16, dropout=0.0, **given)


def test_losses_are_those_of_the_papers():
    logits = Logits(torch.tensor([[2.0, 0.5, -1.0]]), torch.tensor([0.25]))
    bpr = -np.log(1 / (1 + np.exp(-np.array([1.5, 3.0])))).mean()
    assert fm_loss(logits, "bpr").item() == pytest.approx(bpr)
    right = 1 / (1 + np.exp(-np.array([2.25, 0.75, -0.75])))
    bce = -np.log([right[0], 1 - right[1], 1 - right[2]]).mean()
    assert fm_loss(logits, "bce").item() == pytest.approx(bce)


def test_what_a_row_has_in_common_changes_no_ranking_loss():
    items = torch.randn(4, 3)
    losses = [fm_loss(Logits(items, torch.full((4,), shift)), "bpr") for shift in (0.0, 7.0)]
    assert losses[0] == losses[1]


def test_a_negative_is_nothing_that_the_user_has_and_anything_else():
    train, _ = DATA.held_out()
    negatives = Negatives(train, torch.Generator().manual_seed(0))
    rows = torch.arange(len(train))
    drawn = negatives.draw(rows, 200).numpy()
    pairs = set(train.pairs().tolist())
    keys = train.users[:, None] * train.n_items + drawn
    assert not pairs & set(keys.ravel().tolist())
    assert len(set(drawn[0].tolist())) == train.n_items - 4  # the held-out item is among them


@pytest.mark.parametrize("embedding", ["table", "gcn", "attention"])
@pytest.mark.parametrize("loss", ["bpr", "bce"])
def test_every_machine_learns_what_comes_next(embedding, loss):
    schedule = FmSchedule(epochs=30, batch=16, rate=0.05, loss=loss)
    losses = []
    model = train_fm(
        DATA, config(embedding=embedding), schedule, seed=0,
        progress=lambda epoch, loss, model: losses.append(loss),
    )  # fmt: skip
    assert losses[-1] < losses[0] / 2
    known = np.flatnonzero(DATA.features[:, 0] > 0)
    scores = FmScorer.of(model).scores(DATA.features[known], DATA.users[known])
    assert np.mean(scores.argmax(axis=1) == DATA.items[known]) > 0.9


def test_the_same_seed_gives_the_same_machine():
    schedule = FmSchedule(epochs=2, batch=16)
    first, second, other = (train_fm(DATA, config(), schedule, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.table, second.table)
    assert not torch.equal(first.table, other.table)


def test_the_graph_has_training_rows_only():
    train, asked = DATA.held_out()
    graph = graph_of(train)
    edges = set(zip(graph.owners.tolist(), graph.neighbours.tolist(), strict=True))
    for feature, item in zip(train.features[:, 0], train.items, strict=True):
        assert (feature, train.n_features + item) in edges
    trained = set(zip(train.features[:, 0].tolist(), train.items.tolist(), strict=True))
    for feature, item in zip(asked.features[:, 0].tolist(), asked.items.tolist(), strict=True):
        known = (feature, item) in trained
        assert ((feature, train.n_features + item) in edges) == known


def test_sizes_must_fit_the_rows():
    with pytest.raises(ValueError, match="the machine has 1 features and 12 items, the rows 13"):
        train_fm(DATA, FmConfig(features=1, items=12), SCHEDULE, seed=0)


def test_a_user_with_everything_leaves_nothing_to_set_against_it():
    whole = interactions(to_frame(packed([("a", [("x", 1), ("y", 1)])])))
    sizes = FmConfig(features=whole.n_features, items=whole.n_items)
    with pytest.raises(ValueError, match="a user has all 2 items"):
        train_fm(whole, sizes, SCHEDULE, seed=0)


@pytest.mark.parametrize(
    ("given", "complaint"), [({"loss": "mse"}, "loss 'mse'"), ({"epochs": 0}, "must be positive")]
)
def test_a_schedule_that_cannot_be_run_is_refused(given, complaint):
    with pytest.raises(ValueError, match=complaint):
        FmSchedule(**given)
