"""BERT4Rec for music, as in Seshadri & Knees, "Leveraging Negative Signals with Self-Attention for
Sequential Music Recommendation" (2023), sections 3.2 and 3.3.2, after Sun et al.
(arXiv:1904.06690).

What is the paper's: two blocks that see both ways, a token [MSK] in place of a hidden track and, to
recommend, after the last one; a fully connected layer with GELU before the inner product with the
tied item embeddings, and a bias per item (Sun et al., section 3.5). What is ours, as in SASRec and
for its reasons: the start of the weights, scaled inputs, pre-norm blocks, a residual path around
that layer, an outcome embedding. Which tracks are hidden in training is drawn in losses/masking.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention import Block
from .encoder import MaskedEncoder
from .outcomes import OutcomeEmbedding

EMBEDDING = 0.1  # standard deviation of embeddings at the start


@dataclass(frozen=True, kw_only=True)
class BERT4RecConfig:
    """Sizes of one model; everything a checkpoint needs besides the weights."""

    items: int  # N, the catalog; item 0 pads and is not counted
    length: int = 20  # T, newest occurrences that are read; [MSK] has a position of its own
    width: int = 128  # D, of embeddings and hidden states
    blocks: int = 2
    heads: int = 8
    expansion: int = 4  # feed-forward width over D
    dropout: float = 0.3  # after the embeddings and each sub-layer
    masked: float = 0.2  # p, share of tracks that are hidden in training
    last_masked: float = 0.5  # share of training rows read up to a track, which alone is hidden
    outcomes: bool = True  # add an embedding of how each occurrence ended
    outcome_dropout: float = 0.2  # chance in training that an outcome is hidden, as in a `start`
    residual: bool = True  # add the projection to its input; False is the paper's own form

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be built."""
        if min(self.items, self.length, self.width, self.blocks, self.heads, self.expansion) < 1:
            raise ValueError(f"every size must be 1 or more, got {self}")
        if self.width % self.heads:
            raise ValueError(
                f"width {self.width} is not divisible by {self.heads} heads; give other heads"
            )
        if not 0 <= self.dropout < 1 or not 0 <= self.outcome_dropout <= 1:
            raise ValueError(
                f"dropout {self.dropout} must be in [0, 1), outcome_dropout "
                f"{self.outcome_dropout} in [0, 1]"
            )
        if not 0 < self.masked <= 1 or not 0 <= self.last_masked <= 1:
            raise ValueError(
                f"masked {self.masked} must be in (0, 1], last_masked {self.last_masked} in [0, 1]"
            )


class BERT4Rec(MaskedEncoder):
    """Self-attention both ways over the newest occurrences and [MSK]."""

    architecture: ClassVar[str] = "bert4rec"
    item_bias: nn.Parameter  # (N + 1,)

    def __init__(self, config: BERT4RecConfig) -> None:
        super().__init__(config)
        self.item_embedding = nn.Embedding(config.items + 1, config.width, padding_idx=0)
        self.item_bias = nn.Parameter(torch.zeros(config.items + 1))
        self.mask_embedding = nn.Parameter(torch.empty(config.width))  # [MSK]
        self.position_embedding = nn.Embedding(config.length + 1, config.width)
        self.outcome_embedding = (
            OutcomeEmbedding(config.width, config.outcome_dropout) if config.outcomes else None
        )
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.width)
        self.projection = nn.Linear(config.width, config.width)
        self.init_weights()

    def forward(self, items: Tensor, outcomes: Tensor, lengths: Tensor) -> Tensor:
        """Encode right-padded sessions, (B, T), (B, T), (B,) -> (B, D). This graph is exported.

        [MSK] stands after the last occurrence. The last block works on it alone.
        """
        items, outcomes = F.pad(items, (0, 1)), F.pad(outcomes, (0, 1))  # (B, T + 1)
        place, ends = torch.arange(items.shape[1], device=items.device), lengths[:, None]
        x = self._embedded(items, outcomes, place == ends)  # (B, T + 1, D)
        for block in self.blocks[:-1]:
            x = block(x, place <= ends)
        final = cast(Block, self.blocks[-1])
        return self._projected(final.at(x, lengths)).squeeze(1)  # (B, D)

    def states(self, items: Tensor, outcomes: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Encode every position, (B, T), (B, T), (B, T) -> (B, T, D), T up to config.length + 1.

        Where `hidden` is true, [MSK] stands in place of the track, and its outcome is not told.
        """
        seen = items > 0
        seen[:, 0] = True  # so that a row of padding alone has something to attend to
        x = self._embedded(items, outcomes, torch.zeros_like(seen) if hidden is None else hidden)
        for block in self.blocks:
            x = block(x, seen)
        return self._projected(x)

    def _embedded(self, items: Tensor, outcomes: Tensor, hidden: Tensor) -> Tensor:
        x = self.item_embedding(items).where(~hidden[..., None], self.mask_embedding)
        x = x * math.sqrt(self.config.width) + self.position_embedding.weight[: items.shape[1]]
        if self.outcome_embedding is not None:
            x = x + self.outcome_embedding(outcomes * ~hidden)
        embedded: Tensor = self.dropout(x)  # (B, T, D)
        return embedded

    def _projected(self, x: Tensor) -> Tensor:
        x = self.norm(x)
        projected = F.gelu(self.projection(x))
        return x + projected if self.config.residual else projected

    @torch.no_grad()
    def init_weights(self) -> None:
        """Start the weights; N[s] is a normal distribution cut at two standard deviations s.

        | parameter                              | start        |
        |----------------------------------------|--------------|
        | item, [MSK], position, outcome vectors | N[EMBEDDING] |
        | item 0 (padding), item biases          | 0            |
        | weights of linear layers               | Xavier       |
        | their biases                           | 0            |
        | layer norms                            | 1 and 0      |
        """
        drawn = [m.weight for m in self.modules() if isinstance(m, nn.Embedding)]
        for vectors in (*drawn, self.mask_embedding):
            nn.init.trunc_normal_(vectors, std=EMBEDDING, a=-2 * EMBEDDING, b=2 * EMBEDDING)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        self.item_embedding.weight[0].zero_()
