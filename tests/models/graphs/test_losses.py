"""Losses of pairs, against how they are written down."""

import pytest
import torch

from models.graphs.losses import batch_loss, pair_loss

POSITIVE, NEGATIVE = torch.tensor([2.0, -1.0, 0.3]), torch.tensor([0.5, 0.0, 0.3])


def test_bpr_is_the_negative_log_chance_that_the_own_track_wins():
    expected = -torch.sigmoid(POSITIVE - NEGATIVE).log().mean()
    torch.testing.assert_close(pair_loss("bpr", POSITIVE, NEGATIVE), expected)


def test_bce_is_torchs_over_edges_and_pairs_that_are_none():
    scores = torch.cat([POSITIVE, NEGATIVE])
    labels = torch.tensor([1.0, 1, 1, 0, 0, 0])
    expected = torch.nn.functional.binary_cross_entropy_with_logits(scores, labels)
    torch.testing.assert_close(pair_loss("bce", POSITIVE, NEGATIVE), expected)


def test_softmax_is_the_cross_entropy_of_the_own_track_among_all_that_were_drawn():
    left, right, other = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))
    logits = torch.cat([(left * right).sum(dim=1, keepdim=True), left @ other.T], dim=1)
    expected = torch.nn.functional.cross_entropy(logits, torch.zeros(4, dtype=torch.int64))
    torch.testing.assert_close(batch_loss("softmax", left, right, other), expected)


@pytest.mark.parametrize("name", ["bpr", "bce"])
def test_a_batch_scores_its_pairs(name):
    left, right, other = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))
    expected = pair_loss(name, (left * right).sum(dim=1), (left * other).sum(dim=1))
    torch.testing.assert_close(batch_loss(name, left, right, other), expected)


@pytest.mark.parametrize("name", ["softmax", "bpr", "bce"])
def test_members_learn_each_by_its_own_scores(name):
    rows = torch.randn(3, 4, 6, generator=torch.Generator().manual_seed(0))
    alone = [batch_loss(name, *rows[:, :, at : at + 2]) for at in (0, 2, 4)]
    torch.testing.assert_close(batch_loss(name, *rows, members=3), torch.stack(alone).sum())


def test_another_is_refused():
    with pytest.raises(ValueError, match="bpr, bce or softmax"):
        pair_loss("top1", POSITIVE, NEGATIVE)  # type: ignore[arg-type]
