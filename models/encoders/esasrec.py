"""SASRec of gated blocks: eSASRec's architecture (Tikhonovich et al., arXiv:2508.06450), whose
block is LiGR's, from "From Features to Transformers: Redefining Ranking for Scalable Impact".

The feed-forward layer is a SwiGLU (arXiv:2002.05202), and what each sub-layer adds is weighed by a
sigmoid of what it is added to. All else is SASRec's; the loss is chosen elsewhere, as for others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention import Block, BlockSizes
from .sasrec import SASRec, SASRecConfig


@dataclass(frozen=True, kw_only=True)
class ESASRecConfig(SASRecConfig):
    """Sizes of one model, as SASRec's."""


class SwiGLU(nn.Module):
    """A feed-forward layer of which one half gates the other."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.up = nn.Linear(width, 2 * hidden)
        self.down = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Transform each position, (B, T, D) -> (B, T, D)."""
        gate, value = self.up(x).chunk(2, dim=-1)
        down: Tensor = self.down(F.silu(gate) * value)
        return down


class GatedBlock(Block):
    """Attention, then a SwiGLU; each normalised before, and gated where it is added."""

    def __init__(self, sizes: BlockSizes) -> None:
        super().__init__(sizes)
        self.attention_gate = nn.Linear(sizes.width, sizes.width)
        self.hidden_gate = nn.Linear(sizes.width, sizes.width)

    def refined(self, x: Tensor, mixed: Tensor) -> Tensor:
        """Add what attention gave and then the feed-forward layer, all (B, T, D)."""
        x = x + torch.sigmoid(self.attention_gate(x)) * self.dropout(mixed)
        hidden = self.dropout(self.hidden(self.hidden_norm(x)))
        added: Tensor = x + torch.sigmoid(self.hidden_gate(x)) * hidden
        return added

    def feed_forward(self, width: int, hidden: int) -> nn.Module:
        """Make the feed-forward layer, two thirds as wide: it has three matrices, not two."""
        return SwiGLU(width, max(1, 2 * hidden // 3))


class ESASRec(SASRec):
    """Causal self-attention over the newest occurrences, in gated blocks."""

    architecture: ClassVar[str] = "esasrec"
    block: ClassVar[type[Block]] = GatedBlock
