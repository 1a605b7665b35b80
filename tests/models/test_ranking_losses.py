"""The losses of a target over its negatives: the papers' formulas, and their gradients."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.ranking_losses import RANKINGS, Ranking, calibrated, value_and_gradient

CONSTANTS = {"bpreg": 0.7, "elu": 0.5, "beta": 0.3}


def formula(name: str, target: Tensor, rivals: Tensor) -> Tensor:
    """One row's loss as the papers print it; `rivals` are the living negatives."""
    if name == "ce":
        return -torch.cat([target[None], rivals]).log_softmax(0)[0]
    if name == "bpr":
        return -F.logsigmoid(target - rivals).mean()
    if name == "bpr-max":
        r_i, r_j = (F.elu(scores, CONSTANTS["elu"]) for scores in (target, rivals))
        s = r_j.softmax(0)
        regularisation = CONSTANTS["bpreg"] * (s * r_j**2).sum()
        return -(s * torch.sigmoid(r_i - r_j)).sum().log() + regularisation
    if name == "top1-max":
        s = rivals.softmax(0)
        return (s * (torch.sigmoid(rivals - target) + torch.sigmoid(rivals**2))).sum()
    wrong = (1 - torch.sigmoid(rivals)).log().sum()
    power = torch.sigmoid(target) ** CONSTANTS["beta"]
    return -(power.log() + wrong) / (1 + len(rivals))


def drawn(seed: int, rows: int = 4, negatives: int = 6) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    scores = torch.randn(rows, 1 + negatives, generator=g, dtype=torch.float64) * 3
    dead = torch.rand(rows, negatives, generator=g) < 0.3
    dead[:, 0] = False
    return scores, dead


@pytest.mark.parametrize("name", RANKINGS)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**31))
def test_value_and_gradient_are_those_of_the_papers_formula(name, seed):
    scores, dead = drawn(seed)
    expected = scores.clone().requires_grad_()
    losses = torch.stack(
        [formula(name, row[0], row[1:][~out]) for row, out in zip(expected, dead, strict=True)]
    )
    (slope,) = torch.autograd.grad(losses.sum(), expected)
    value, gradient = value_and_gradient(Ranking(name=name, **CONSTANTS), scores, dead)
    torch.testing.assert_close(value, losses.detach())
    torch.testing.assert_close(gradient, slope)


@pytest.mark.parametrize("name", RANKINGS)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**31), by=st.floats(0.1, 3))
def test_a_higher_score_of_the_target_never_costs_more(name, seed, by):
    scores, dead = drawn(seed)
    higher = scores.clone()
    higher[:, 0] += by
    ranking = Ranking(name=name, **CONSTANTS)
    before, _ = value_and_gradient(ranking, scores, dead)
    after, _ = value_and_gradient(ranking, higher, dead)
    assert (after <= before + 1e-12).all()


@pytest.mark.parametrize("name", RANKINGS)
def test_a_dead_negative_changes_nothing_whatever_its_score(name):
    scores, dead = drawn(1)
    dead[:, 3] = True
    wild = scores.clone()
    wild[:, 4] = 50.0
    ranking = Ranking(name=name, **CONSTANTS)
    before, gradient = value_and_gradient(ranking, scores, dead)
    after, wild_gradient = value_and_gradient(ranking, wild, dead)
    torch.testing.assert_close(after, before)
    torch.testing.assert_close(wild_gradient, gradient)
    assert not gradient[:, 4].any()


@pytest.mark.parametrize("name", ["ce", "bpr", "bpr-max", "top1-max"])
def test_a_row_without_a_negative_adds_nothing(name):
    value, gradient = value_and_gradient(
        Ranking(name=name), torch.randn(2, 4), torch.ones(2, 3, dtype=torch.bool)
    )
    assert value.tolist() == pytest.approx([0, 0], abs=1e-6)
    assert not gradient.any()


@pytest.mark.parametrize("name", RANKINGS)
def test_large_scores_give_numbers(name):
    scores = torch.tensor([[-80.0, 80.0, -80.0], [80.0, -80.0, 80.0]])
    value, gradient = value_and_gradient(
        Ranking(name=name), scores, torch.zeros(2, 2, dtype=torch.bool)
    )
    assert value.isfinite().all()
    assert gradient.isfinite().all()


def test_beta_goes_from_binary_cross_entropy_to_the_share_that_is_sampled():
    assert calibrated(0, 256, 3416) == pytest.approx(1)
    assert calibrated(1, 256, 3416) == pytest.approx(256 / 3415)
    assert calibrated(0.75, 256, 3416) == pytest.approx(0.25 + 0.75 * 256 / 3415)
    assert calibrated(0.75, 5000, 3416) == 1
