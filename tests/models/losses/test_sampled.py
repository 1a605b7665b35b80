"""Losses over shared negatives: those of plain formulas, whatever the chunks, and what counts."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from models.losses import sampled
from models.losses.loss import Emphasis
from models.losses.ranking import RANKINGS, Ranking, value_and_gradient
from models.losses.sampled import Compared, candidates, sampled_loss, summed
from tests.models.losses.test_loss import D, N, gradient, plain_softmax, tensors

CE = Ranking(name="ce")


def plain_scores(states: Tensor, matrix: Tensor, c: Compared) -> tuple[Tensor, Tensor]:
    """Scores (n, 2 + K), by autograd, and the log weights of negatives (n, 1 + K)."""
    own = torch.stack([c.targets, c.current], dim=1)
    columns = torch.cat([own, c.negatives.expand(len(own), -1)], dim=1)
    scores = (matrix[columns] * states[:, None]).sum(dim=2)
    repeated = (columns[:, 2:] == own[:, :1]) | (columns[:, 2:] == own[:, 1:])
    idle = (c.current == c.targets) | (c.current == 0)
    dead = torch.cat([idle[:, None], repeated], dim=1)
    log_weight = torch.zeros(dead.shape, dtype=scores.dtype)
    if c.own_offsets is not None and c.offsets is not None:
        scores = torch.cat([scores[:, :1] - c.own_offsets[:, :1], scores[:, 1:]], dim=1)
        log_weight[:, 0] -= c.own_offsets[:, 1]
        log_weight[:, 1:] -= c.offsets
    return scores, log_weight.masked_fill(dead, -torch.inf)


WEIGHTS = Emphasis(torch.tensor([1.0, 0.3, 0.0, 1.0, 0.3, 1.0]), torch.zeros(6))
UNLIKELY = Emphasis(WEIGHTS.weights, torch.tensor([0.0, 0.5, 0.0, 0.0, 2.0, 0.0]))


@pytest.mark.parametrize("rows_at_once", [1, 2, 100])
@pytest.mark.parametrize(
    ("name", "emphasis"),
    [*((name, e) for name in RANKINGS for e in (None, WEIGHTS)), ("ce", UNLIKELY)],
)
def test_value_and_both_gradients_are_those_of_the_scores_written_out(
    monkeypatch, name, emphasis, rows_at_once
):
    states, matrix, targets = tensors()
    current = torch.tensor([1, 2, 0, int(targets[3]), 5, 6])
    g = torch.Generator().manual_seed(5)
    negatives = torch.randint(1, N + 1, (7,), generator=g)
    compared = Compared(
        targets, current, negatives, torch.randn(6, 2, generator=g), torch.randn(7, generator=g)
    )
    monkeypatch.setattr(sampled, "_CHUNK", rows_at_once * 9)
    ranking = Ranking(name=name, bpreg=0.7, elu=0.5, beta=0.3)
    ours = sampled_loss(states, matrix, compared, ranking, emphasis)
    found = torch.autograd.grad(3 * ours, (states, matrix))

    scores, log_weight = plain_scores(states, matrix, compared)
    values, slope = value_and_gradient(ranking, scores.detach().clone(), log_weight)
    rows = values.clone().requires_grad_()
    mean = rows.mean() if emphasis is None else emphasis.mean(rows)
    (by_row,) = torch.autograd.grad(mean, rows)
    wanted = torch.autograd.grad(scores, (states, matrix), 3 * slope * by_row[:, None])
    torch.testing.assert_close(ours.double(), mean.detach(), atol=1e-5, rtol=1e-5)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_where_no_target_counts_the_loss_is_nothing():
    states, matrix, targets = tensors()
    none = Emphasis(torch.zeros(6), torch.zeros(6))
    found = sampled_loss(states, matrix, Compared(targets, targets, targets), CE, none)
    assert found == 0
    assert not gradient(found, states).any()


def softmax(states: Tensor, matrix: Tensor, targets: Tensor, *others: Tensor) -> Tensor:
    return sampled_loss(states, matrix, Compared(targets, *others), CE)


def test_no_rows_cost_nothing():
    states, matrix, targets = tensors(n=0)
    assert softmax(states, matrix, targets, targets, torch.tensor([1])) == 0


def test_sampling_every_other_track_is_the_full_softmax():
    states, matrix, targets = tensors(n=1)
    current = targets % N + 1
    others = torch.tensor([i for i in range(1, N + 1) if i not in (targets[0], current[0])])
    found = softmax(states, matrix, targets, current, others)
    torch.testing.assert_close(found, plain_softmax(states, matrix, targets), check_dtype=False)


def test_a_sampled_target_or_current_track_counts_once():
    states, matrix, targets = tensors(n=1)
    current = targets % N + 1
    other = torch.tensor([next(i for i in range(1, N) if i not in (targets[0], current[0]))])
    doubled = torch.cat([other, targets, current])
    once = softmax(states, matrix, targets, current, other)
    assert softmax(states, matrix, targets, current, doubled) == once


@pytest.mark.parametrize("name", RANKINGS)
def test_the_current_track_is_always_a_negative(name):
    """Left out, it ends at rank 1: the encoder's output leans to its own input."""
    states, matrix, targets = tensors(n=1)
    current = targets % N + 1
    far = torch.tensor([next(i for i in range(1, N) if i not in (targets[0], current[0]))])
    ranking = Ranking(name=name, bpreg=0)
    slope = gradient(sampled_loss(states, matrix, Compared(targets, current, far), ranking), matrix)
    # What moves it is the slope of its own score, along the state.
    by_score = (slope[current[0]] @ states.detach()[0]) / states.detach()[0].square().sum()
    torch.testing.assert_close(slope[current[0]], by_score * states.detach()[0])
    assert by_score != 0
    if name in ("ce", "bpr", "gbce"):  # the others weigh negatives against each other
        assert by_score > 0


def test_current_track_that_is_the_target_is_no_rival_of_itself():
    states, matrix, targets = tensors(n=1)
    other = targets % N + 1
    alone = F.cross_entropy(
        torch.stack([(states @ matrix[targets[0]])[0], (states @ matrix[other[0]])[0]])[None],
        torch.tensor([0]),
    )
    repeated = softmax(states, matrix, targets, targets, other)
    torch.testing.assert_close(repeated, alone, check_dtype=False)


def test_padding_is_never_moved():
    states, matrix, targets = tensors()
    loss = softmax(states, matrix, targets, torch.zeros_like(targets), torch.tensor([1, 2]))
    assert not gradient(loss, matrix)[0].any()
    assert gradient(softmax(states, matrix, targets, targets, targets), matrix).shape == (N + 1, D)


@pytest.mark.parametrize("name", RANKINGS)
def test_one_column_for_each_track_gives_the_same_loss(name):
    states, matrix, targets = tensors()
    current = torch.tensor([1, 2, 3, int(targets[3]), 5, 6])
    drawn = torch.cat([targets, torch.tensor([2, 2, 7, 1])])
    g = torch.Generator().manual_seed(5)
    own_offsets, offsets = torch.randn(6, 2, generator=g), torch.randn(N + 1, generator=g)[drawn]
    compared = Compared(targets, current, drawn, own_offsets, offsets)
    ranking = Ranking(name=name, bpreg=0.7, elu=0.5, beta=0.3)
    expected = sampled_loss(states, matrix, compared, ranking)

    once = candidates(compared)
    assert len(set(once.items.tolist())) == len(once.items)
    assert once.items[once.target].tolist() == targets.tolist()
    assert once.items[once.current].tolist() == current.tolist()
    columns = (states @ matrix[once.items].T).detach().float()
    own = columns.gather(1, once.target[:, None]) - own_offsets[:, :1]
    total, _ = summed(ranking, torch.cat([own, columns], dim=1), once.log_weight, None)
    torch.testing.assert_close(total / 6, expected.detach(), atol=1e-5, rtol=1e-5)
