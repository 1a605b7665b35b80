"""Each way in which the published code departs from the paper, on an example of a few numbers."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from models.losses.released import released_contrastive, union_softmax
from models.losses.skip import skip_contrastive

TAU = 0.1
HEARD, EARLY, AT_ONCE = 1, 3, 4
X, Y = [1.0, 0.0], [0.0, 1.0]


def loss_of(
    vectors: list[list[list[float]]],
    outcomes: list[list[int]],
    given: list[list[list[float]]] | None = None,
) -> Tensor:
    """Sessions of tracks that are all different; anchors are all occurrences but the last."""
    embeddings = torch.tensor(vectors)  # (B, L, D)
    items = torch.arange(1, 1 + embeddings[..., 0].numel()).view(embeddings.shape[:2])
    context = embeddings[:, :-1] if given is None else torch.tensor(given)
    return released_contrastive(
        context, embeddings, items, torch.tensor(outcomes), (AT_ONCE, EARLY), TAU
    )


def nce(positive: float, *rivals: float) -> float:
    """-log softmax of the positive's cosine among all, at temperature .1."""
    cosines = torch.tensor([positive, *rivals]) / TAU
    return float(-F.log_softmax(cosines, dim=0)[0])


def test_occurrences_that_were_not_skipped_are_rivals_with_cosine_0():
    """One session, one anchor: two heard occurrences are two zero vectors, nothing was skipped."""
    found = loss_of([[X, X]], [[HEARD, HEARD]])
    assert math.isclose(float(found), nce(1, 0, 0), rel_tol=1e-5)


def test_noise_is_that_of_the_session_that_tiling_puts_there():
    """Two sessions of two anchors: anchors (0, 0), (0, 1), (1, 0), (1, 1) meet 0, 1, 0, 1."""
    vectors = [[X, X, X], [Y, Y, Y]]
    outcomes = [[HEARD, HEARD, AT_ONCE], [HEARD, HEARD, HEARD]]
    # Nothing is heard after (0, 1): its first occurrence is the positive.
    of_first = [nce(1, 0, 0, 1), nce(1, 0, 0, 0)]
    of_second = [nce(1, 0, 0, 0), nce(1, 0, 0, 0)]
    expected = sum(of_first + of_second) / 4
    assert math.isclose(float(loss_of(vectors, outcomes)), expected, rel_tol=1e-5)


def test_noise_of_one_session_moves_anchors_of_another():
    context = torch.tensor([[X, X], [Y, Y]], requires_grad=True)
    embeddings = torch.tensor([[X, X, X], [Y, Y, [0.6, 0.8]]])
    items = torch.arange(1, 7).view(2, 3)
    outcomes = torch.tensor([[HEARD, HEARD, HEARD], [HEARD, HEARD, EARLY]])
    theirs = released_contrastive(context, embeddings, items, outcomes, (AT_ONCE, EARLY), TAU)
    (slope,) = torch.autograd.grad(theirs, context)
    assert slope[0, 1].abs().sum() > 0  # session 0 has no skip: session 1's is its rival
    ours = skip_contrastive(context, embeddings, items, outcomes, (AT_ONCE, EARLY), TAU)
    (slope,) = torch.autograd.grad(ours, context)
    assert slope[0].abs().sum() == 0


def test_skipped_anchors_count_in_the_mean_and_move_nothing():
    found = loss_of([[X, X, X]], [[AT_ONCE, HEARD, HEARD]])
    expected = (math.log(4) + nce(1, 1, 0, 0)) / 2
    assert math.isclose(float(found), expected, rel_tol=1e-5)


def test_an_anchor_with_nothing_heard_after_it_has_the_first_occurrence_as_positive():
    found = loss_of([[Y, X, X]], [[HEARD, HEARD, AT_ONCE]], [[X, X]])
    expected = (nce(1, 1, 0, 0) + nce(0, 1, 0, 0)) / 2
    assert math.isclose(float(found), expected, rel_tol=1e-5)


def test_candidates_are_all_targets_of_the_batch_and_the_sampled_tracks():
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(3, 4, generator=generator)
    matrix = torch.randn(9, 4, generator=generator)
    targets, drawn = torch.tensor([5, 2, 5]), torch.tensor([7, 2, 7])
    candidates = torch.tensor([2, 5, 7])
    logits = states @ matrix[candidates].T
    expected = F.cross_entropy(logits, torch.tensor([1, 0, 1]))
    torch.testing.assert_close(union_softmax(states, matrix, targets, drawn), expected)
    assert union_softmax(states[:0], matrix, targets[:0], drawn) == 0
