"""Blocks: what a position sees, and that one position alone is computed as all of them are."""

from dataclasses import dataclass

import pytest
import torch

from models.encoders.attention import Block, row


@dataclass(frozen=True)
class Sizes:
    width: int = 16
    heads: int = 4
    expansion: int = 2
    dropout: float = 0.1


@pytest.fixture
def block():
    torch.manual_seed(0)
    return Block(Sizes()).eval()


PLACE = torch.tensor([0, 3, 6])
INPUT = torch.randn(3, 7, 16, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_without_a_mask_a_position_sees_what_came_before(block):
    changed = INPUT.clone()
    changed[:, 4:] = 0
    before, after = block(INPUT), block(changed)
    torch.testing.assert_close(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4:], after[:, 4:])


@torch.no_grad()
def test_with_a_mask_a_position_sees_both_ways_what_the_mask_shows(block):
    seen = torch.arange(7).expand(3, 7) < 5
    late, hidden = INPUT.clone(), INPUT.clone()
    late[:, 4], hidden[:, 6] = 0, 0
    assert not torch.allclose(block(INPUT, seen)[:, 0], block(late, seen)[:, 0])
    torch.testing.assert_close(block(INPUT, seen)[:, :6], block(hidden, seen)[:, :6])


@torch.no_grad()
def test_one_position_is_refined_as_in_a_causal_block(block):
    torch.testing.assert_close(block.at(INPUT, PLACE), row(block(INPUT), PLACE))


@torch.no_grad()
def test_one_position_is_refined_as_in_a_block_that_sees_up_to_it(block):
    seen = torch.arange(7) <= PLACE[:, None]
    torch.testing.assert_close(block.at(INPUT, PLACE), row(block(INPUT, seen), PLACE))
