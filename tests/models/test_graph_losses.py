"""Losses of pairs, against how they are written down."""

import pytest
import torch

from models.graph_losses import pair_loss

POSITIVE, NEGATIVE = torch.tensor([2.0, -1.0, 0.3]), torch.tensor([0.5, 0.0, 0.3])


def test_bpr_is_the_negative_log_chance_that_the_own_track_wins():
    expected = -torch.sigmoid(POSITIVE - NEGATIVE).log().mean()
    torch.testing.assert_close(pair_loss("bpr", POSITIVE, NEGATIVE), expected)


def test_bce_is_torchs_over_edges_and_pairs_that_are_none():
    scores = torch.cat([POSITIVE, NEGATIVE])
    labels = torch.tensor([1.0, 1, 1, 0, 0, 0])
    expected = torch.nn.functional.binary_cross_entropy_with_logits(scores, labels)
    torch.testing.assert_close(pair_loss("bce", POSITIVE, NEGATIVE), expected)


def test_another_is_refused():
    with pytest.raises(ValueError, match="bpr or bce"):
        pair_loss("top1", POSITIVE, NEGATIVE)  # type: ignore[arg-type]
