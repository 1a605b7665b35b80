"""One step along a graph of features and items: weighted by degrees, or by attention.

Kipf & Welling (arXiv:1609.02907), equation 8, and Veličković et al. (arXiv:1710.10903), equations 1
to 4, over one-hot node features, so that the weight matrix is the table of embeddings itself.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.graphs.adjacency import Adjacency
from models.graphs.attending import attend

Ints = NDArray[np.int64]


def connected(rows: Ints, nodes: int) -> Adjacency:
    """Connect what stands in one row, each two of the places in (n, F), once; loops at each node.

    An edge weighs 1 / sqrt(degree * degree), loops counted.
    """
    width = rows.shape[1]
    pairs = [rows[:, a] * nodes + rows[:, b] for a in range(width) for b in range(a)]
    half = np.unique(np.concatenate([np.empty(0, np.int64), *pairs]))
    left, right = np.divmod(half, nodes)
    loops = np.arange(nodes)
    keys = np.concatenate([left * nodes + right, right * nodes + left, loops * (nodes + 1)])
    to, come = np.divmod(np.unique(keys), nodes)
    degree = np.bincount(to, minlength=nodes).astype(np.float64)
    return Adjacency(
        starts=torch.from_numpy(np.searchsorted(to, np.arange(nodes + 1))),
        neighbours=torch.from_numpy(come),
        weights=torch.from_numpy((1 / np.sqrt(degree[to] * degree[come])).astype(np.float32)),
    )


class Attention(nn.Module):
    """Graph attention: how much of each neighbour, from the two ends of an edge, for each head."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} is no multiple of {heads} heads")
        self.heads, self.dropout = heads, dropout
        self.toward = nn.Parameter(torch.empty(heads, width // heads))
        self.source = nn.Parameter(torch.empty(heads, width // heads))
        nn.init.xavier_uniform_(self.toward)
        nn.init.xavier_uniform_(self.source)

    def forward(self, graph: Adjacency, table: Tensor) -> Tensor:
        """Mix each node's neighbours, (S, D) -> (S, D); heads stand side by side in D."""
        parts = table.view(len(table), self.heads, -1)  # (S, H, D / H)
        dropout = self.dropout if self.training else 0.0
        return attend(parts, self.toward, self.source, graph, dropout).flatten(1)
