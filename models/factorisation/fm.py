"""Factorisation machines whose embeddings are a table, or come from a graph of users and items.

Rendle, "Factorization Machines" (ICDM 2010), equation 1; Ibero, Pérez & Martínez, "Music
Recommendation using Graph Convolutional Networks" (UPC, 2021), sections 3 and 5: v = GCN(graph, x).

    y = w0 + sum_i w_i + sum_{i<j} <v_i, v_j>

All features of a row are 1, and only the item differs between the candidates of a row, so a ranking
needs one product: (sum of the row's embeddings) . (item's embedding) + the item's weight. With the
user as its only field this is matrix factorisation, with biases unless `linear` is false.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.graphs.adjacency import Adjacency

from .propagation import Attention

Embedding = Literal["table", "gcn", "attention"]
EMBEDDINGS: tuple[Embedding, ...] = ("table", "gcn", "attention")


@dataclass(frozen=True, kw_only=True)
class FmConfig:
    """Sizes of a factorisation machine."""

    features: int  # M, of all fields but the item
    items: int  # N
    width: int = 64  # D
    embedding: Embedding = "table"
    own: bool = True  # a node's own row is added to what its neighbours give it
    heads: int = 1  # of attention
    dropout: float = 0.3  # of each number of an embedding, in training
    linear: bool = True  # a weight for each feature and each item

    def __post_init__(self) -> None:
        """Refuse what is no machine."""
        if self.embedding not in EMBEDDINGS:
            raise ValueError(f"embedding {self.embedding!r}, expected one of {EMBEDDINGS}")
        if min(self.features, self.items, self.width, self.heads) < 1:
            raise ValueError(f"features, items, width and heads must be 1 or more, got {self}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}, expected 0 to below 1")


class Logits(NamedTuple):
    """Scores of some items for each row, and what all items of a row have in common."""

    items: Tensor  # (B, K)
    common: Tensor  # (B,)


class FactorizationMachine(nn.Module):
    """Scores items for rows of features.

    Initial values: embeddings from Xavier's uniform distribution, weights 0.
    """

    def __init__(self, config: FmConfig, graph: Adjacency | None = None) -> None:
        """`graph` is of M + N nodes, items last; a table needs none."""
        super().__init__()
        size = config.features + config.items
        if config.embedding != "table" and (graph is None or graph.n_nodes != size):
            raise ValueError(
                f"{config.embedding} needs a graph of {size} nodes, "
                f"got {None if graph is None else graph.n_nodes}"
            )
        self.config, self.graph = config, graph
        self.table = nn.Parameter(torch.empty(size, config.width))
        nn.init.xavier_uniform_(self.table)
        self.weight = nn.Parameter(torch.zeros(size), requires_grad=config.linear)
        self.bias = nn.Parameter(torch.zeros(()))
        if config.embedding == "attention":
            self.attention = Attention(config.width, config.heads, config.dropout)

    def embeddings(self) -> Tensor:
        """Embeddings of all features and then all items, (M + N, D)."""
        if self.graph is None or self.config.embedding == "table":
            return self.table
        if self.config.embedding == "gcn":
            found = self.graph.spread(self.table, self.graph.weights)
        else:
            found = self.attention(self.graph, self.table)
        return found + self.table if self.config.own else found

    def forward(self, features: Tensor, items: Tensor) -> Logits:
        """Score items (B, K) for rows (B, F)."""
        # One mask for a whole batch: a lookup is of one of few rows, and drawing it costs most.
        table = F.dropout(self.embeddings(), self.config.dropout, self.training)
        row = F.embedding(features, table)  # (B, F, D)
        query = row.sum(1)  # (B, D)
        places = items + self.config.features
        own = F.embedding(places, table)  # (B, K, D)
        # A row by a matrix: the same as a matrix by a column, and twice as fast on a CPU.
        scores = torch.bmm(query.unsqueeze(1), own.transpose(1, 2)).squeeze(1)  # (B, K)
        scores = scores + self.weight[places]
        pairs = (query.square().sum(1) - row.square().sum((1, 2))) / 2
        return Logits(scores, self.bias + self.weight[features].sum(1) + pairs)

    @torch.no_grad()
    def parts(self) -> tuple[Tensor, Tensor, Tensor]:
        """What ranking needs: features (M, D), items (N, D) and the items' weights (N,)."""
        table = self.embeddings()
        at = self.config.features
        return table[:at].clone(), table[at:].clone(), self.weight[at:].detach().clone()
