"""The loss of a batch for every architecture: what is learned from skips, and what is not."""

import pytest
import torch

from models.encoders.architectures import ARCHITECTURES, make_config, make_encoder
from models.encoders.encoder import Encoder
from models.losses.loss import LossConfig
from models.losses.objective import batch_loss
from models.sampling import Rows

SIZES = {"items": 12, "length": 6, "width": 16, "dropout": 0.0, "outcome_dropout": 0.0}
WITHOUT_DROPOUT = {"gru4rec": {"dropout_hidden": 0.0}}
LOSSES = {
    "output": LossConfig(name="skip-contrastive"),
    "item": LossConfig(name="skip-contrastive", context="item"),
    "dot": LossConfig(name="skip-contrastive", similarity="dot"),
    "one-strength": LossConfig(name="skip-contrastive", strengths=(1,)),
    "weights": LossConfig(skip_weights=(0.1, 0.3, 1.0)),
    "unlikelihood": LossConfig(unlikelihood=0.5),
    "sampled": LossConfig(name="skip-contrastive", negatives=5, skip_weights=(0.3, 0.3, 1.0)),
    "released": LossConfig.as_released(negatives=5),
    "released-item": LossConfig.as_released(negatives=5, context="item"),
}


@pytest.fixture(params=ARCHITECTURES)
def model(request):
    torch.manual_seed(0)
    return make_encoder(make_config(request.param, SIZES | WITHOUT_DROPOUT.get(request.param, {})))


def rows(outcomes: list[int]) -> Rows:
    generator = torch.Generator().manual_seed(1)
    items = torch.stack([torch.randperm(12, generator=generator)[:7] + 1 for _ in range(8)])
    items[3, 4:] = 0  # a short one
    ended = torch.tensor(outcomes).expand(8, 7) * (items > 0)
    return Rows(items.int(), ended.to(torch.int8))


MIXED = rows([1, 4, 1, 3, 1, 2, 1])


def value(model: Encoder, given: Rows, loss: LossConfig) -> torch.Tensor:
    return batch_loss(model.train(), given, loss, torch.Generator().manual_seed(2))


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_every_skip_loss_moves_every_architecture(model, loss):
    found = value(model, MIXED, loss)
    (slope,) = torch.autograd.grad(found, model.item_embedding.weight)
    assert found.isfinite()
    assert slope.isfinite().all()
    assert slope[1:].abs().sum() > 0
    plain = value(model, MIXED, LossConfig(negatives=loss.negatives))
    assert float(found.detach()) != pytest.approx(float(plain.detach()), rel=1e-4)


def test_where_nothing_was_skipped_the_contrastive_part_is_nothing(model):
    calm = rows([1] * 7)
    loss = LossConfig(name="skip-contrastive", alpha=7.0, beta=1.0)
    plain = float(value(model, calm, LossConfig()).detach())
    assert float(value(model, calm, loss).detach()) == pytest.approx(plain, rel=1e-5)
    weighted = LossConfig(skip_weights=(0.0, 0.0, 0.0))
    assert float(value(model, calm, weighted).detach()) == pytest.approx(plain, rel=1e-5)


def test_a_skip_that_is_not_of_the_strengths_is_heard(model):
    late = rows([1, 2, 1, 1, 1, 1, 1])
    loss = LossConfig(name="skip-contrastive", alpha=1.0, beta=0.0, strengths=(1, 2))
    assert float(value(model, late, loss).detach()) == 0
    loss = LossConfig(name="skip-contrastive", alpha=1.0, beta=0.0, context="item", strengths=(3,))
    assert float(value(model, late, loss).detach()) > 0


def test_adam_does_not_see_what_alpha_and_beta_have_in_common():
    """The grid of the two is one of their quotient, but for the clipping of large gradients."""
    weights = []
    for scale in (0.25, 1.0):
        torch.manual_seed(0)
        model = make_encoder(make_config("sasrec", SIZES))
        adam = torch.optim.Adam(model.parameters(), lr=1e-3)
        loss = LossConfig(name="skip-contrastive", alpha=scale, beta=scale)
        for _ in range(5):
            adam.zero_grad()
            value(model, MIXED, loss).backward()  # type: ignore[no-untyped-call]
            adam.step()
        weights.append(model.item_embedding.weight.detach())
    torch.testing.assert_close(weights[0], weights[1], atol=2e-5, rtol=0)
