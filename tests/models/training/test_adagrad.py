"""Adagrad with momentum: whole tensors and single rows move alike."""

import pytest
import torch
from torch import Tensor

from models.training.adagrad import Adagrad


def plain(weight: Tensor, gradients: Tensor, rate: float, momentum: float, decay: float) -> Tensor:
    """The update written out, for every row in every step."""
    weight = weight.clone()
    squares, moving = torch.zeros_like(weight), torch.zeros_like(weight)
    for gradient in gradients:
        gradient = gradient + decay * weight
        squares += gradient**2
        moving = momentum * moving + gradient / (squares + 1e-6).sqrt()
        weight -= rate * moving
    return weight


@pytest.mark.parametrize("momentum", [0.0, 0.4])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("shape", [(6, 3), (6,)])
def test_whole_tensors_and_all_rows_move_as_written_out(momentum, decay, shape):
    g = torch.Generator().manual_seed(0)
    weight, gradients = torch.randn(shape, generator=g), torch.randn(4, *shape, generator=g)
    whole, by_row = weight.clone(), weight.clone()
    adagrad = Adagrad({"whole": whole, "by row": by_row}, momentum, decay)
    for gradient in gradients:
        adagrad.update({"whole": gradient}, 0.1)
        adagrad.update_rows("by row", torch.arange(6), gradient, 0.1)
    expected = plain(weight, gradients, 0.1, momentum, decay)
    torch.testing.assert_close(whole, expected)
    torch.testing.assert_close(by_row, expected)


def test_rows_that_were_not_looked_up_stay_as_they_are():
    weight = torch.ones(5, 2)
    adagrad = Adagrad({"w": weight}, 0.5, 0.1)
    adagrad.update_rows("w", torch.tensor([3]), torch.ones(1, 2), 0.1)
    assert (weight[[0, 1, 2, 4]] == 1).all()
    assert (weight[3] < 1).all()


def test_what_is_restored_goes_on_to_the_same_weights():
    first, second = torch.ones(3, 2), torch.ones(3, 2)
    one, other = Adagrad({"w": first}, 0.5, 0.0), Adagrad({"w": second}, 0.5, 0.0)
    one.update({"w": torch.full((3, 2), 2.0)}, 0.1)
    second.copy_(first)
    other.restore({name: tensor.clone() for name, tensor in one.tensors().items()})
    for adagrad in (one, other):
        adagrad.update_rows("w", torch.tensor([1]), torch.full((1, 2), -3.0), 0.1)
    assert torch.equal(first, second)
