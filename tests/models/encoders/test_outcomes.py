"""Outcomes are told in service, and partly hidden in training."""

import torch

from models.encoders.outcomes import OUTCOMES, OutcomeEmbedding

CODES = torch.arange(OUTCOMES).repeat(100, 1)


@torch.no_grad()
def test_a_share_of_outcomes_is_unknown_in_training_alone():
    torch.manual_seed(0)
    embedding = OutcomeEmbedding(8, 0.3)
    unknown = embedding.weight[0]
    hidden = (embedding.train()(CODES)[:, 1:] == unknown).all(dim=2).float().mean()
    assert 0.2 < hidden < 0.4
    torch.testing.assert_close(embedding.eval()(CODES), embedding.weight[CODES])
