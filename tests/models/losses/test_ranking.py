"""The losses of a target over its negatives: the papers' formulas, and their gradients."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.losses.ranking import RANKINGS, Ranking, calibrated, value_and_gradient

CONSTANTS = {"bpreg": 0.7, "elu": 0.5, "beta": 0.3}


def formula(name: str, target: Tensor, rivals: Tensor) -> Tensor:
    """One row's loss as the papers print it; of `rivals` those that weigh 3 are there 3 times."""
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
    weight = torch.tensor([0.0, 1.0, 1.0, 3.0], dtype=torch.float64)
    log_weight = weight[torch.randint(0, 4, (rows, negatives), generator=g)].log()
    log_weight[:, 0] = 0
    return scores, log_weight


@pytest.mark.parametrize("name", RANKINGS)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**31))
def test_value_and_gradient_are_those_of_the_papers_formula(name, seed):
    scores, log_weight = drawn(seed)
    expected = scores.clone().requires_grad_()
    losses = torch.stack(
        [
            formula(name, row[0], row[1:].repeat_interleave(times.exp().round().long()))
            for row, times in zip(expected, log_weight, strict=True)
        ]
    )
    (slope,) = torch.autograd.grad(losses.sum(), expected)
    value, gradient = value_and_gradient(Ranking(name=name, **CONSTANTS), scores, log_weight)
    torch.testing.assert_close(value, losses.detach())
    torch.testing.assert_close(gradient, slope)


@pytest.mark.parametrize("name", RANKINGS)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**31), by=st.floats(0.1, 3))
def test_a_higher_score_of_the_target_never_costs_more(name, seed, by):
    scores, log_weight = drawn(seed)
    higher = scores.clone()
    higher[:, 0] += by
    ranking = Ranking(name=name, **CONSTANTS)
    before, _ = value_and_gradient(ranking, scores, log_weight)
    after, _ = value_and_gradient(ranking, higher, log_weight)
    assert (after <= before + 1e-12).all()


@pytest.mark.parametrize("name", RANKINGS)
def test_a_negative_without_weight_changes_nothing_whatever_its_score(name):
    scores, log_weight = drawn(1)
    log_weight[:, 3] = -torch.inf
    wild = scores.clone()
    wild[:, 4] = 50.0
    ranking = Ranking(name=name, **CONSTANTS)
    before, gradient = value_and_gradient(ranking, scores, log_weight)
    after, wild_gradient = value_and_gradient(ranking, wild, log_weight)
    torch.testing.assert_close(after, before)
    torch.testing.assert_close(wild_gradient, gradient)
    assert not gradient[:, 4].any()


@pytest.mark.parametrize("name", ["ce", "bpr", "bpr-max", "top1-max"])
def test_a_row_without_a_negative_adds_nothing(name):
    value, gradient = value_and_gradient(
        Ranking(name=name), torch.randn(2, 4), torch.full((2, 3), -torch.inf)
    )
    assert value.tolist() == pytest.approx([0, 0], abs=1e-6)
    assert not gradient.any()


@pytest.mark.parametrize("name", RANKINGS)
def test_large_scores_give_numbers(name):
    scores = torch.tensor([[-80.0, 80.0, -80.0], [80.0, -80.0, 80.0]])
    value, gradient = value_and_gradient(Ranking(name=name), scores, torch.zeros(2, 2))
    assert value.isfinite().all()
    assert gradient.isfinite().all()


def test_beta_goes_from_binary_cross_entropy_to_the_share_that_is_sampled():
    assert calibrated(0, 256, 3416) == pytest.approx(1)
    assert calibrated(1, 256, 3416) == pytest.approx(256 / 3415)
    assert calibrated(0.75, 256, 3416) == pytest.approx(0.25 + 0.75 * 256 / 3415)
    assert calibrated(0.75, 5000, 3416) == 1
