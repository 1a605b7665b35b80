"""The transformer block that SASRec, BERT4Rec and their like are stacked of (arXiv:1706.03762).

Causal or not is each model's choice; embeddings, positions and the last projection are its own.
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BlockSizes(Protocol):
    """What a block takes from its architecture's config."""

    @property
    def width(self) -> int:
        """D, of hidden states."""

    @property
    def heads(self) -> int:
        """H, parts of the width that attend on their own."""

    @property
    def expansion(self) -> int:
        """Feed-forward width over D."""

    @property
    def dropout(self) -> float:
        """Share dropped after each sub-layer."""


class Attention(nn.Module):
    """Multi-head self-attention: to what came before, or to what `seen` shows.

    A causal one needs no mask: rows are padded on the right, so a real position has only real ones
    before it, and what padded positions compute is never read. Without a mask the fused kernels
    stay usable, and the exported graph has no mask that could go wrong.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """Mix positions, (B, T, D) -> (B, T, D); without `seen` (B, T) each sees up to itself."""
        batch, length, width = x.shape
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        shape = (batch, length, self.heads, width // self.heads)
        q, k, v = (part.view(shape).transpose(1, 2) for part in (q, k, v))  # (B, H, T, D/H)
        mask = None if seen is None else seen[:, None, None, :]  # (B, 1, 1, T)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        joined: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return joined

    def at(self, x: Tensor, place: Tensor) -> Tensor:
        """Mix what stands up to one position of each row, (B, T, D), (B,) -> (B, 1, D)."""
        batch, length, width = x.shape
        weight, bias = self.qkv.weight, self.qkv.bias
        q = F.linear(row(x, place), weight[:width], bias[:width])  # (B, 1, D)
        k, v = F.linear(x, weight[width:], bias[width:]).chunk(2, dim=-1)  # (B, T, D)
        shape = (batch, -1, self.heads, width // self.heads)
        q, k, v = (part.view(shape).transpose(1, 2) for part in (q, k, v))  # (B, H, ., D/H)
        seen = torch.arange(length, device=x.device) <= place.view(-1, 1, 1, 1)  # (B, 1, 1, T)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)  # (B, H, 1, D/H)
        joined: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return joined


class Block(nn.Module):
    """Attention, then a feed-forward layer; each normalised before and added after."""

    def __init__(self, sizes: BlockSizes) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(sizes.width)
        self.attention = Attention(sizes.width, sizes.heads)
        self.hidden_norm = nn.LayerNorm(sizes.width)
        self.hidden = self.feed_forward(sizes.width, sizes.width * sizes.expansion)
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """Refine hidden states, (B, T, D) -> (B, T, D); `seen` is the attention's."""
        return self.refined(x, self.attention(self.attention_norm(x), seen))

    def at(self, x: Tensor, place: Tensor) -> Tensor:
        """Refine one position of each row, (B, T, D), (B,) -> (B, 1, D).

        As `forward` does, where that sees the positions up to this one.
        """
        return self.refined(row(x, place), self.attention.at(self.attention_norm(x), place))

    def refined(self, x: Tensor, mixed: Tensor) -> Tensor:
        """Add what attention gave and then the feed-forward layer, all (B, T, D)."""
        x = x + self.dropout(mixed)
        added: Tensor = x + self.dropout(self.hidden(self.hidden_norm(x)))
        return added

    def feed_forward(self, width: int, hidden: int) -> nn.Module:
        """Make the feed-forward layer."""
        return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))


def row(x: Tensor, place: Tensor) -> Tensor:
    """Take one position of each row, (B, T, D), (B,) -> (B, 1, D)."""
    return torch.gather(x, 1, place.view(-1, 1, 1).expand(-1, 1, x.shape[-1]))
