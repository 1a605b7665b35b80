"""The weighted adjacency matrix of a graph, and products with it.

A product is a weighted sum of rows for each node, which torch has as `embedding_bag`. On a CPU that
is the fastest form of it: on Gowalla's graph, one thread, it takes an eighth of the time of a COO
product and a quarter of a CSR product. The matrix is symmetric, so its transpose, which a gradient
needs, is itself; where neighbours are drawn (neighbours.py) it is not. No edge is ever copied for
each of the D numbers of its node.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from .graph import Graph

_NARROW = 2**31 - 1


@dataclass(frozen=True, eq=False)
class Adjacency:
    """Node v has the neighbours `neighbours[starts[v]:starts[v + 1]]`."""

    starts: Tensor  # (n + 1,)
    neighbours: Tensor  # (m,), both directions of each edge
    weights: Tensor  # (m,)
    symmetric: bool = True

    @classmethod
    def of(cls, graph: Graph, weights: NDArray[np.float32] | None = None) -> Adjacency:
        """Take a graph's edges, weighted (E,) or all alike, as D^-1/2 A D^-1/2; playlists first."""
        given = np.ones(graph.n_edges, np.float32) if weights is None else weights
        one, other = graph.owners, graph.tracks + np.int64(graph.n_playlists)
        if graph.kin is not None:
            tracks, groups = graph.kin.pairs()
            one = np.concatenate([one, groups + graph.n_playlists + graph.n_tracks])
            other = np.concatenate([other, tracks + graph.n_playlists])
            given = np.concatenate([given, np.ones(len(tracks), np.float32)])
        degree = np.bincount(one, given, graph.n_nodes) + np.bincount(other, given, graph.n_nodes)
        scale = 1 / np.sqrt(np.maximum(degree, np.finfo(np.float32).tiny))
        normalised = np.tile(given * scale[one] * scale[other], 2)
        nodes, neighbours = np.concatenate([one, other]), np.concatenate([other, one])
        order = np.argsort(nodes, kind="stable")
        counts = np.bincount(nodes, minlength=graph.n_nodes)
        kind = np.int32 if len(nodes) < _NARROW else np.int64
        return cls(
            starts=_tensor(np.concatenate([[0], np.cumsum(counts)]), kind),
            neighbours=_tensor(neighbours[order], kind),
            weights=_tensor(normalised[order], np.float32),
        )

    @property
    def n_nodes(self) -> int:
        """n."""
        return len(self.starts) - 1

    def to(self, device: torch.device) -> Adjacency:
        """The same matrix on another device."""
        return replace(
            self,
            starts=self.starts.to(device),
            neighbours=self.neighbours.to(device),
            weights=self.weights.to(device),
        )

    def transposed(self) -> Adjacency:
        """The matrix with rows and columns exchanged; itself if it is symmetric."""
        if self.symmetric:
            return self
        starts, nodes, order = self._across
        return replace(self, starts=starts, neighbours=nodes, weights=self.weights[order])

    @cached_property
    def looped(self) -> Adjacency:
        """The matrix with one more edge for each node, to itself, the last of its row: weight 1."""
        after = torch.arange(self.n_nodes + 1, device=self.starts.device, dtype=self.starts.dtype)
        starts = self.starts + after
        loops = starts[1:].long() - 1
        others = torch.ones(int(starts[-1]), dtype=torch.bool, device=loops.device)
        others[loops] = False
        neighbours = self.neighbours.new_empty(len(others))
        neighbours[others], neighbours[loops] = self.neighbours, after[:-1].to(neighbours.dtype)
        weights = self.weights.new_ones(len(others))
        weights[others] = self.weights
        return replace(self, starts=starts, neighbours=neighbours, weights=weights)

    @cached_property
    def averaging(self) -> Adjacency:
        """The matrix whose product is the mean of each node's neighbours."""
        degrees = self.starts.diff()
        weights = (1 / degrees.to(self.weights)).repeat_interleave(degrees)
        return replace(self, weights=weights, symmetric=False)

    @cached_property
    def owners(self) -> Tensor:
        """(m,) the node that each edge leads to."""
        nodes = torch.arange(self.n_nodes, device=self.starts.device)
        return nodes.repeat_interleave(self.starts.diff())

    @cached_property
    def _across(self) -> tuple[Tensor, Tensor, Tensor]:
        """The transposed matrix's starts and neighbours, and where its edges are in this one."""
        order = self.neighbours.argsort(stable=True)
        counts = torch.bincount(self.neighbours, minlength=self.n_nodes)
        starts = torch.cat([counts.new_zeros(1), counts.cumsum(0)]).to(self.starts.dtype)
        return starts, self.owners[order].to(self.neighbours.dtype), order

    def edge_index(self) -> Tensor:
        """List the edges as PyTorch Geometric has them, (2, m): from neighbour, to node."""
        return torch.stack([self.neighbours.long(), self.owners])

    def product(self, x: Tensor) -> Tensor:
        """Multiply, (n, D) -> (n, D); no gradient passes."""
        return _summed(self.starts, self.neighbours, self.weights, x)

    def spread(self, x: Tensor, values: Tensor) -> Tensor:
        """Sum each node's neighbours with other weights, (n, D), (m,) -> (n, D).

        The gradient of both passes.
        """
        found: Tensor = _Spread.apply(x, values, self)
        return found


class _Spread(torch.autograd.Function):
    """A(values) x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, values: Tensor, adjacency: Adjacency) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(x, values)
        ctx.adjacency = adjacency
        return _summed(adjacency.starts, adjacency.neighbours, values, x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None, None]:  # noqa: ANN401
        x, values = ctx.saved_tensors
        adjacency: Adjacency = ctx.adjacency
        (grown,) = gradients
        starts, nodes, order = adjacency._across
        back = _summed(starts, nodes, values[order], grown)
        if not ctx.needs_input_grad[1]:
            return back, None, None
        with warnings.catch_warnings():  # torch says once that CSR may change
            warnings.filterwarnings("ignore", message="Sparse CSR", category=UserWarning)
            edges = torch.sparse_csr_tensor(
                adjacency.starts, adjacency.neighbours, torch.zeros_like(values),
                (adjacency.n_nodes, adjacency.n_nodes), check_invariants=False,
            )  # fmt: skip
            along = torch.sparse.sampled_addmm(edges, grown.contiguous(), x.t(), beta=0.0)
        return back, along.values(), None


def _summed(starts: Tensor, neighbours: Tensor, weights: Tensor, x: Tensor) -> Tensor:
    return F.embedding_bag(
        neighbours, x, starts, mode="sum", per_sample_weights=weights, include_last_offset=True
    )


class _LayerSum(torch.autograd.Function):
    """The weighted sum of A^k x; its gradient is that sum of the gradient, with A transposed."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, alpha: Tensor, adjacency: Adjacency) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(x, alpha)
        ctx.adjacency = adjacency
        power, total = x, x * alpha[0]
        for share in alpha[1:].tolist():
            power = adjacency.product(power)
            total.add_(power, alpha=share)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None, None]:  # noqa: ANN401
        x, alpha = ctx.saved_tensors
        (power,) = gradients
        transposed = ctx.adjacency.transposed()
        total = power * alpha[0]
        shares = [(power * x).sum()] if ctx.needs_input_grad[1] else []
        for share in alpha[1:].tolist():
            power = transposed.product(power)
            total.add_(power, alpha=share)
            if shares:
                shares.append((power * x).sum())
        return total, torch.stack(shares) if shares else None, None


def layer_sum(x: Tensor, alpha: Tensor, adjacency: Adjacency) -> Tensor:
    """Sum alpha[k] A^k x over k = 0..L, (n, D), (L + 1,) -> (n, D), with its gradient."""
    found: Tensor = _LayerSum.apply(x, alpha, adjacency)
    return found


def _tensor(values: NDArray[Any], kind: type) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=kind))
