"""Losses against the formulas written out, and laws that any rewrite must keep."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from models import losses
from models.losses import (
    LossConfig,
    full_softmax,
    next_true,
    sampled_softmax,
    skip_contrastive,
)

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
    assert sampled_softmax(states, matrix, targets, targets, torch.tensor([1])) == 0


def test_sampling_every_other_track_is_the_full_softmax():
    states, matrix, targets = tensors(n=1)
    current = targets % N + 1
    others = torch.tensor([i for i in range(1, N + 1) if i not in (targets[0], current[0])])
    sampled = sampled_softmax(states, matrix, targets, current, others)
    torch.testing.assert_close(sampled, plain_softmax(states, matrix, targets), check_dtype=False)


def test_a_sampled_target_or_current_track_counts_once():
    states, matrix, targets = tensors(n=1)
    current = targets % N + 1
    other = torch.tensor([next(i for i in range(1, N) if i not in (targets[0], current[0]))])
    doubled = torch.cat([other, targets, current])
    once = sampled_softmax(states, matrix, targets, current, other)
    assert sampled_softmax(states, matrix, targets, current, doubled) == once


def test_the_current_track_is_always_a_negative_of_the_sampled_softmax():
    """Left out, it ends at rank 1: the encoder's output leans to its own input."""
    states, matrix, targets = tensors(n=1)
    current = targets % N + 1
    far = torch.tensor([next(i for i in range(1, N) if i not in (targets[0], current[0]))])
    slope = gradient(sampled_softmax(states, matrix, targets, current, far), matrix)
    assert (slope[current[0]] * states.detach()[0]).sum() > 0  # descent lowers its logit


def test_current_track_that_is_the_target_is_no_rival_of_itself():
    states, matrix, targets = tensors(n=1)
    other = targets % N + 1
    alone = F.cross_entropy(
        torch.stack([(states @ matrix[targets[0]])[0], (states @ matrix[other[0]])[0]])[None],
        torch.tensor([0]),
    )
    repeated = sampled_softmax(states, matrix, targets, targets, other)
    torch.testing.assert_close(repeated, alone, check_dtype=False)


@given(st.floats(-5, 5))
def test_a_constant_logq_leaves_the_sampled_softmax_unchanged(constant):
    states, matrix, targets = tensors()
    current, drawn = targets % N + 1, torch.tensor([1, 4, 7])
    plain = sampled_softmax(states, matrix, targets, current, drawn)
    corrected = sampled_softmax(
        states, matrix, targets, current, drawn, torch.full((N + 1,), constant).double()
    )
    torch.testing.assert_close(corrected, plain, atol=1e-4, rtol=1e-4)


@given(st.floats(0.1, 5))
def test_the_loss_falls_when_the_targets_logit_rises(lift):
    states, matrix, targets = tensors(n=1)
    raised = matrix.detach().clone()
    raised[targets[0]] += lift * states.detach()[0]
    assert full_softmax(states, raised, targets) < full_softmax(states, matrix, targets)


def test_next_true_is_the_first_later_one():
    flags = torch.tensor([[True, False, True, False], [False, False, False, True]])
    assert next_true(flags).tolist() == [[2, 2, 4, 4], [3, 3, 3, 4]]


def cosine(a: Tensor, b: Tensor) -> float:
    return float(F.cosine_similarity(a, b, dim=0))


def contrastive_by_hand(
    context: Tensor,
    embeddings: Tensor,
    items: Tensor,
    outcomes: Tensor,
    noise_codes: tuple[int, ...],
    tau: float,
    own: bool,
) -> float | None:
    """The definition, anchor by anchor; None where no anchor is asked."""
    terms = []
    for b in range(len(items)):
        seen = [(int(i), int(o)) for i, o in zip(items[b], outcomes[b], strict=True)]
        noise = [k for k, (item, out) in enumerate(seen) if item and out in noise_codes]
        heard = [k for k, (item, out) in enumerate(seen) if item and out and out not in noise_codes]
        for i in range(context.shape[1]):
            later = [k for k in heard if k > i]
            if not seen[i][0] or not later:
                continue
            m = later[0]
            rivals = [k for k in noise if seen[k][0] != seen[m][0]]
            rivals = [k for k in rivals if not (own and seen[k][0] == seen[i][0])]
            if not rivals:
                continue
            f = [math.exp(cosine(context[b, i], embeddings[b, k]) / tau) for k in [m, *rivals]]
            terms.append(-math.log(f[0] / sum(f)))
    return sum(terms) / len(terms) if terms else None


occurrences = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 4)), min_size=1, max_size=6)


@given(
    st.lists(occurrences, min_size=1, max_size=3),
    st.sampled_from([(4,), (4, 3), (4, 3, 2)]),
    st.sampled_from([0.1, 1.0]),
    st.booleans(),
)
def test_skip_contrastive_is_its_definition(sessions, codes, tau, own):
    items = torch.zeros(len(sessions), 6, dtype=torch.int64)
    outcomes = torch.zeros_like(items)
    for b, session in enumerate(sessions):
        items[b, : len(session)] = torch.tensor([item for item, _ in session])
        outcomes[b, : len(session)] = torch.tensor([outcome for _, outcome in session])
    g = torch.Generator().manual_seed(1)
    embeddings = torch.randn(6, D, generator=g)[items]
    context = embeddings[:, :5] if own else torch.randn(len(sessions), 5, D, generator=g)
    found = skip_contrastive(context, embeddings, items, outcomes, codes, tau, own_context=own)
    wanted = contrastive_by_hand(context, embeddings, items, outcomes, codes, tau, own)
    assert float(found) == pytest.approx(0.0 if wanted is None else wanted, abs=1e-4, rel=1e-4)


def one_session(outcomes: list[int]):
    items = torch.tensor([list(range(1, len(outcomes) + 1))])
    embeddings = torch.randn(
        1, len(outcomes), D, generator=torch.Generator().manual_seed(2)
    ).requires_grad_()
    context = torch.randn(
        1, len(outcomes) - 1, D, generator=torch.Generator().manual_seed(3)
    ).requires_grad_()
    return context, embeddings, items, torch.tensor([outcomes])


def test_a_session_without_skips_adds_nothing():
    context, embeddings, items, outcomes = one_session([1, 1, 2, 1])
    loss = skip_contrastive(context, embeddings, items, outcomes, (4, 3))
    assert loss == 0
    assert gradient(loss, context).abs().sum() == 0


def test_noise_is_of_the_same_session_only():
    context, embeddings, items, outcomes = one_session([1, 4, 1])
    calm = [part.detach().clone() for part in one_session([1, 1, 1])]
    calm[2] = calm[2] + 3
    both = skip_contrastive(
        torch.cat([context, calm[0]]),
        torch.cat([embeddings, 100 * calm[1]]),
        torch.cat([items, calm[2]]),
        torch.cat([outcomes, calm[3]]),
        (4, 3),
    )
    alone = skip_contrastive(context, embeddings, items, outcomes, (4, 3))
    torch.testing.assert_close(both, alone)


def test_an_unknown_outcome_is_neither_positive_nor_noise():
    context, embeddings, items, outcomes = one_session([1, 0, 4, 1])
    slope = gradient(skip_contrastive(context, embeddings, items, outcomes, (4, 3)), embeddings)
    assert slope[0, 1].abs().sum() == 0
    assert slope[0, 2].abs().sum() > 0


def test_descent_draws_the_heard_track_near_and_drives_the_skipped_one_away():
    context, embeddings, items, outcomes = one_session([1, 4, 1])
    slope = gradient(skip_contrastive(context, embeddings, items, outcomes, (4, 3)), embeddings)
    moved = embeddings.detach() - 0.1 * slope
    anchor = context[0, 0].detach()
    assert cosine(anchor, moved[0, 2]) > cosine(anchor, embeddings[0, 2].detach())
    assert cosine(anchor, moved[0, 1]) < cosine(anchor, embeddings[0, 1].detach())


def test_strengths_name_the_outcome_codes_of_the_noise():
    assert LossConfig(strengths=(1, 2)).noise_outcomes == (4, 3)
    assert LossConfig(strengths=(3,)).noise_outcomes == (2,)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"name": "bpr"}, "bpr"),
        ({"temperature": 0}, "temperature 0"),
        ({"alpha": -1}, "alpha -1"),
        ({"strengths": (0,)}, r"strengths \(0,\)"),
        ({"negatives": 0}, "negatives is 0"),
    ],
)
def test_a_loss_that_cannot_be_is_refused_by_name(given, named):
    with pytest.raises(ValueError, match=named):
        LossConfig(**given)
