"""One step along a graph of features and items: weighted by degrees, or by attention.

Kipf & Welling (arXiv:1609.02907), equation 8, and Veličković et al. (arXiv:1710.10903), equations 1
to 4, over one-hot node features, so that the weight matrix is the table of embeddings itself. In
plain torch: the graph is symmetric, so the product with the transposed matrix, which the gradient
needs, is the product with itself, and no edge is ever copied for each of its D numbers.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Graph:
    """A symmetric graph with a loop at each node, by rows; edge e goes from `columns[e]`."""

    starts: Tensor  # (S + 1,)
    columns: Tensor  # (E,)
    rows: Tensor  # (E,) of each edge: to which node it goes
    mirror: Tensor  # (E,) the edge in the other direction
    weights: Tensor  # (E,) 1 / sqrt(degree * degree), loops counted

    @classmethod
    def of(cls, rows: Ints, nodes: int) -> Graph:
        """Connect what stands in one row: each two of the places in (n, F), once."""
        width = rows.shape[1]
        pairs = [rows[:, a] * nodes + rows[:, b] for a in range(width) for b in range(a)]
        half = np.unique(np.concatenate([np.empty(0, np.int64), *pairs]))
        left, right = np.divmod(half, nodes)
        loops = np.arange(nodes)
        keys = np.concatenate([left * nodes + right, right * nodes + left, loops * (nodes + 1)])
        to, come = np.divmod(np.unique(keys), nodes)
        degree = np.bincount(to, minlength=nodes).astype(np.float64)
        return cls(
            starts=torch.from_numpy(np.searchsorted(to, np.arange(nodes + 1))),
            columns=torch.from_numpy(come),
            rows=torch.from_numpy(to),
            mirror=torch.from_numpy(np.argsort(come * nodes + to)),
            weights=torch.from_numpy((1 / np.sqrt(degree[to] * degree[come])).astype(np.float32)),
        )

    @property
    def nodes(self) -> int:
        """S."""
        return len(self.starts) - 1

    def matrix(self, values: Tensor) -> Tensor:
        """Give a value to each edge, (E,) -> sparse (S, S)."""
        with warnings.catch_warnings():  # torch says once that CSR may change
            warnings.filterwarnings("ignore", message="Sparse CSR", category=UserWarning)
            return torch.sparse_csr_tensor(
                self.starts, self.columns, values, (self.nodes, self.nodes), check_invariants=False
            )

    def spread(self, table: Tensor, values: Tensor | None = None) -> Tensor:
        """Sum each node's neighbours, (S, D) -> (S, D), weighted by degrees or `values` (E,)."""
        found: Tensor = _Spread.apply(self, table, self.weights if values is None else values)
        return found


class _Spread(torch.autograd.Function):
    """A(values) @ table, for a graph that holds each edge in both directions."""

    @staticmethod
    def forward(context: Any, graph: Graph, table: Tensor, values: Tensor) -> Tensor:  # noqa: ANN401
        context.graph = graph
        context.save_for_backward(table, values)
        return graph.matrix(values) @ table

    @staticmethod
    def backward(context: Any, *given: Tensor) -> tuple[None, Tensor, Tensor | None]:  # noqa: ANN401
        graph: Graph = context.graph
        table, values = context.saved_tensors
        (grown,) = given
        back = graph.matrix(values[graph.mirror]) @ grown
        if not context.needs_input_grad[2]:
            return None, back, None
        along = torch.sparse.sampled_addmm(
            graph.matrix(torch.zeros_like(values)), grown, table.t(), beta=0.0
        )
        return None, back, along.values()


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

    def forward(self, graph: Graph, table: Tensor) -> Tensor:
        """Mix each node's neighbours, (S, D) -> (S, D); heads stand side by side in D."""
        parts = table.view(len(table), self.heads, -1)  # (S, H, D / H)
        to, come = (parts * self.toward).sum(2), (parts * self.source).sum(2)  # (S, H)
        slope = 0.2
        # LeakyReLU rises: no edge of a node is above what the strongest node of all would give it.
        bound = F.leaky_relu(to + come.amax(dim=0), slope).detach()
        scores = F.leaky_relu(to[graph.rows] + come[graph.columns], slope)  # (E, H)
        grown = torch.exp(scores - bound[graph.rows])
        total = torch.zeros_like(to).index_add(0, graph.rows, grown)  # (S, H)
        shares = grown / total.clamp_min(torch.finfo(total.dtype).tiny)[graph.rows]
        shares = F.dropout(shares, self.dropout, self.training)
        mixed = [
            graph.spread(parts[:, head].contiguous(), shares[:, head].contiguous())
            for head in range(self.heads)
        ]
        return torch.cat(mixed, dim=1)
