"""Gated blocks: what the gates do, and that the model is SASRec around them."""

from typing import Any

import pytest
import torch

from models.encoders.esasrec import ESASRec, ESASRecConfig, GatedBlock
from models.encoders.sasrec import SASRec, SASRecConfig

SIZES: dict[str, Any] = {"items": 30, "length": 8, "width": 16, "heads": 2}
INPUT = torch.randn(3, 7, 16, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_closed_gates_add_nothing():
    block = GatedBlock(ESASRecConfig(**SIZES)).eval()
    for gate in (block.attention_gate, block.hidden_gate):
        gate.weight.zero_()
        gate.bias.fill_(-100)
    torch.testing.assert_close(block(INPUT), INPUT)
    block.hidden_gate.bias.fill_(100)
    torch.testing.assert_close(block(INPUT), INPUT + block.hidden(block.hidden_norm(INPUT)))


@torch.no_grad()
def test_one_position_is_refined_as_all_are():
    block = GatedBlock(ESASRecConfig(**SIZES)).eval()
    place = torch.tensor([0, 3, 6])
    torch.testing.assert_close(block.at(INPUT, place)[:, 0], block(INPUT)[torch.arange(3), place])


def test_it_has_about_as_many_weights_as_sasrec():
    ours, theirs = (
        sum(weights.numel() for weights in model.blocks.parameters())
        for model in (ESASRec(ESASRecConfig(**SIZES)), SASRec(SASRecConfig(**SIZES)))
    )
    gates = 2 * 2 * (16 * 16 + 16)
    assert ours - gates == pytest.approx(theirs, rel=0.02)
