"""Losses against the formulas written out, and laws that any rewrite must keep."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from models.losses import loss as losses
from models.losses.loss import Emphasis, LossConfig, full_softmax

N, D = 9, 4


def tensors(n: int = 6, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """States (n, D), matrix (N + 1, D), targets (n,)."""
    g = torch.Generator().manual_seed(seed)
    states = torch.randn(n, D, generator=g, dtype=torch.float64).requires_grad_()
    matrix = torch.randn(N + 1, D, generator=g, dtype=torch.float64).requires_grad_()
    return states, matrix, torch.randint(1, N + 1, (n,), generator=g)


def gradient(loss: Tensor, of: Tensor) -> Tensor:
    return torch.autograd.grad(loss, of)[0]


def plain_softmax(
    states: Tensor, matrix: Tensor, targets: Tensor, masked: Tensor | None = None
) -> Tensor:
    logits = states @ matrix.T
    out = torch.zeros_like(logits, dtype=torch.bool)
    out[:, 0] = True
    if masked is not None:
        out[torch.arange(len(targets)), masked] = True
    out[torch.arange(len(targets)), targets] = False
    return F.cross_entropy(logits.masked_fill(out, -torch.inf), targets)


@pytest.mark.parametrize("rows_at_once", [1, 2, 100])
def test_full_softmax_and_its_gradients_are_those_of_plain_cross_entropy(monkeypatch, rows_at_once):
    monkeypatch.setattr(losses, "_CHUNK", rows_at_once * (N + 1))
    states, matrix, targets = tensors()
    masked = torch.tensor([1, 2, 0, int(targets[3]), 5, 6])  # one masks its own target
    ours = full_softmax(states, matrix, targets, masked)
    gradients = torch.autograd.grad(3 * ours, (states, matrix))
    plain = plain_softmax(states, matrix, targets, masked)
    expected = torch.autograd.grad(3 * plain, (states, matrix))
    torch.testing.assert_close(ours.double(), plain, atol=1e-5, rtol=1e-5)
    for found, wanted in zip(gradients, expected, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_full_softmax_moves_neither_padding_nor_the_masked_track():
    states, matrix, targets = tensors(n=1)
    masked = targets % N + 1
    slope = gradient(full_softmax(states, matrix, targets, masked), matrix).abs().sum(dim=1)
    assert slope[0] == slope[masked[0]] == 0
    assert (slope > 0).sum() == N - 1


def test_full_softmax_of_huge_logits_is_finite():
    states, matrix, targets = tensors()
    loss = full_softmax(states * 1e4, matrix, targets)
    assert loss.isfinite()
    assert gradient(loss, states).isfinite().all()


def test_no_rows_cost_nothing():
    states, matrix, targets = tensors(n=0)
    assert full_softmax(states, matrix, targets) == 0


@given(st.floats(0.1, 5))
def test_the_loss_falls_when_the_targets_logit_rises(lift):
    states, matrix, targets = tensors(n=1)
    raised = matrix.detach().clone()
    raised[targets[0]] += lift * states.detach()[0]
    assert full_softmax(states, raised, targets) < full_softmax(states, matrix, targets)


def emphasised() -> Emphasis:
    weights = torch.tensor([1.0, 0.3, 0.0, 1.0, 0.3, 1.0])
    return Emphasis(weights, torch.tensor([0.0, 0.5, 0.0, 0.0, 2.0, 0.0]))


def by_hand(nll: Tensor, emphasis: Emphasis) -> Tensor:
    """Sum of w * -log p + u * -log(1 - p), over the sum of w."""
    w, u = (part.double() for part in emphasis)
    return (w * nll - u * torch.log(1 - torch.exp(-nll))).sum() / w.sum()


@pytest.mark.parametrize("rows_at_once", [1, 4, 100])
def test_weights_and_unlikelihood_of_the_full_softmax_are_their_definition(
    monkeypatch, rows_at_once
):
    monkeypatch.setattr(losses, "_CHUNK", rows_at_once * (N + 1))
    states, matrix, targets = tensors()
    emphasis = emphasised()
    ours = full_softmax(states, matrix, targets, emphasis=emphasis)
    gradients = torch.autograd.grad(3 * ours, (states, matrix))
    logits = (states @ matrix.T)[:, 1:]
    plain = by_hand(F.cross_entropy(logits, targets - 1, reduction="none"), emphasis)
    expected = torch.autograd.grad(3 * plain, (states, matrix))
    torch.testing.assert_close(ours.double(), plain, atol=1e-5, rtol=1e-5)
    for found, wanted in zip(gradients, expected, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_targets_of_which_the_model_is_sure_have_a_finite_unlikelihood():
    states, matrix, targets = tensors()
    sure = full_softmax(states * 1e4, matrix, targets, emphasis=emphasised())
    assert sure.isfinite()
    assert gradient(sure, states).isfinite().all()


def test_targets_that_all_count_for_nothing_cost_nothing():
    states, matrix, targets = tensors()
    none = Emphasis(torch.zeros(6), torch.zeros(6))
    assert full_softmax(states, matrix, targets, emphasis=none) == 0


def test_the_weight_of_a_target_follows_its_strength():
    config = LossConfig(skip_weights=(0.1, 0.2, 0.3), strengths=(1,), unlikelihood=2)
    emphasis = config.emphasis(torch.arange(5))
    assert emphasis is not None
    assert emphasis.weights.tolist() == pytest.approx([1, 1, 0.3, 0.2, 0.1])
    assert emphasis.against.tolist() == [0, 0, 0, 0, 2]
    assert LossConfig().emphasis(torch.arange(5)) is None


def test_the_published_codes_loss_differs_where_it_is_said_to():
    theirs = LossConfig.as_released(context="item")
    assert (theirs.released, theirs.temperature, theirs.negatives) == (True, 0.1, 1000)
    assert (theirs.alpha, theirs.beta, theirs.context) == (1, 1, "item")


def test_strengths_name_the_outcome_codes_of_the_noise():
    assert LossConfig(strengths=(1, 2)).noise_outcomes == (4, 3)
    assert LossConfig(strengths=(3,)).noise_outcomes == (2,)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"name": "hinge"}, "hinge"),
        ({"temperature": 0}, "temperature 0"),
        ({"alpha": -1}, "alpha -1"),
        ({"strengths": (0,)}, r"strengths \(0,\)"),
        ({"negatives": 0}, "negatives is 0"),
        ({"sample_alpha": 0.5}, "sample_alpha 0.5"),
        ({"in_batch": True}, "in_batch True"),
        ({"negatives": 9, "logq": "some"}, "logq 'some'"),
        ({"name": "bpr", "negatives": 9, "logq": "unbiased"}, "got them with bpr"),
        ({"name": "bpr", "unlikelihood": 0.5}, "got them with bpr"),
        ({"bpreg": -1}, "bpreg -1"),
        ({"calibration": 2}, "calibration 2"),
        ({"similarity": "l2"}, "similarity 'l2'"),
        ({"skip_weights": (1.0, -1.0, 1.0)}, r"skip_weights \(1.0, -1.0, 1.0\)"),
        ({"unlikelihood": -0.5}, "unlikelihood -0.5"),
    ],
)
def test_a_loss_that_cannot_be_is_refused_by_name(given, named):
    with pytest.raises(ValueError, match=named):
        LossConfig(**given)
