"""A second stage weighs skips as it is told to, and refuses what cannot be fitted."""

import pytest
import torch

from models.second_stage import rerank
from models.second_stage.lessons import Lessons
from models.second_stage.rerank import RerankConfig, Reranker
from streams.candidates import CONTEXT, FEATURES


def test_skipped_tracks_above_heard_ones_cost_more_with_the_weight_of_skips():
    parts = {
        "scores": torch.tensor([[2.0, 1.0, 0.0]]),
        "features": torch.zeros(1, 3, FEATURES),
        "context": torch.zeros(1, CONTEXT),
        "target": torch.tensor([0]),
        "heard": torch.tensor([[False, True, True]]),
        "skipped": torch.tensor([[True, False, False]]),
    }
    right, wrong = (
        Lessons(**parts, following=torch.tensor([following]))
        for following in ([2, 0, -1], [0, 2, -1])
    )
    model = Reranker(4, 0.0).eval()
    assert rerank.loss(model, right, 0.0) == rerank.loss(model, wrong, 0.0)
    gap = rerank.loss(model, wrong, 0.5) - rerank.loss(model, right, 0.5)
    assert gap.item() == pytest.approx(0.5 * 2.0, rel=1e-5)  # softplus(2) - softplus(-2) is 2


@pytest.mark.parametrize(
    "given", [{"candidates": 19}, {"width": 0}, {"most": 0},
              {"epochs": 0}, {"skips": -1.0}, {"dropout": 1.0},
              {"learning_rate": 0.0}]
)  # fmt: skip
def test_what_cannot_be_fitted_is_refused(given):
    with pytest.raises(ValueError, match="must be"):
        RerankConfig(**given)
