"""Which tracks a target is asked against, and how their scores are corrected."""

from typing import Any

import pytest
import torch

from models.gru4rec import GRU4Rec, GRU4RecConfig
from models.losses import LossConfig, full_softmax
from models.next_track import compare, next_track_loss, ranking_of
from models.ranking_losses import RANKINGS
from models.sampled import Compared
from models.sampling import NegativeSampler

PLAYS = torch.tensor([0, 40, 20, 10, 10, 10, 5, 5])  # 100 over 7 tracks
TARGETS, CURRENT = torch.tensor([1, 2, 3]), torch.tensor([4, 0, 3])


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def compared(**given: Any) -> Compared:
    loss = LossConfig(**{"negatives": 4, **given})
    return compare(TARGETS, CURRENT, loss, NegativeSampler(PLAYS, loss.sample_alpha), generator())


def test_negatives_are_the_drawn_ones_and_before_them_the_targets_where_asked():
    assert len(compared().negatives) == 4
    both = compared(in_batch=True)
    assert both.negatives[:3].tolist() == [1, 2, 3]
    assert both.negatives[3:].tolist() == compared().negatives.tolist()
    assert (both.own_offsets, both.offsets) == (None, None)


def test_without_a_number_every_track_is_a_negative():
    loss = LossConfig(name="bpr-max")
    found = compare(TARGETS, CURRENT, loss, NegativeSampler(PLAYS), generator())
    assert found.negatives.tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_the_published_correction_is_log_plays_and_alpha_of_it_for_drawn_tracks():
    found = compared(logq="published", in_batch=True, sample_alpha=0.5)
    log_plays = PLAYS.double().log().float()
    assert found.own_offsets is not None
    assert found.offsets is not None
    torch.testing.assert_close(found.own_offsets[:, 0], log_plays[TARGETS])
    torch.testing.assert_close(found.own_offsets[0, 1], log_plays[4])
    torch.testing.assert_close(found.offsets[:3], log_plays[TARGETS])
    torch.testing.assert_close(found.offsets[3:], 0.5 * log_plays[found.negatives[3:]])


def test_the_unbiased_correction_leaves_the_target_and_counts_how_often_a_negative_comes():
    found = compared(logq="unbiased", in_batch=True, sample_alpha=1)
    assert found.own_offsets is None
    assert found.offsets is not None
    expected = (4 + 3) * PLAYS[found.negatives] / 100
    torch.testing.assert_close(found.offsets.exp(), expected)


def test_the_unbiased_sampled_softmax_nears_the_full_one():
    torch.manual_seed(0)
    matrix, states = torch.randn(8, 4), torch.randn(3, 4)
    model = GRU4Rec(GRU4RecConfig(items=7, width=4))
    with torch.no_grad():
        model.item_embedding.weight.copy_(matrix)
    sampler, none = NegativeSampler(PLAYS, 0.5), torch.zeros(3, dtype=torch.int64)
    full = full_softmax(states, matrix, TARGETS)

    def error(logq: str) -> float:
        loss = LossConfig(negatives=20_000, sample_alpha=0.5, logq=logq)  # type: ignore[arg-type]
        found = next_track_loss(model, states, TARGETS, none, loss, sampler, generator())
        return (found - full).abs().item()

    assert error("unbiased") < 0.02
    assert error("off") > 1


@pytest.mark.parametrize("name", [*RANKINGS, "skip-contrastive"])
@pytest.mark.parametrize("negatives", [None, 3])
def test_a_bias_learns_and_the_loss_is_that_of_scores_with_it(name, negatives):
    torch.manual_seed(0)
    model = GRU4Rec(GRU4RecConfig(items=7, width=4, item_bias=True))
    states = torch.randn(3, 4)
    loss, sampler = LossConfig(name=name, negatives=negatives), NegativeSampler(PLAYS)

    def value() -> torch.Tensor:
        return next_track_loss(model, states, TARGETS, CURRENT, loss, sampler, generator())

    before = value()
    assert model.item_bias is not None
    (slope,) = torch.autograd.grad(before, model.item_bias)
    assert slope.any()
    with torch.no_grad():
        model.item_bias.sub_(slope, alpha=0.1)
    assert value() < before


def test_gbce_is_calibrated_by_the_share_of_the_catalog_that_is_drawn():
    loss = LossConfig(name="gbce", negatives=3, calibration=1)
    assert ranking_of(loss, items=7).beta == pytest.approx(0.5)
    assert ranking_of(LossConfig(name="gbce"), items=7).beta == 1
