"""LightGCN: neighbours' embeddings, averaged over and over; nothing else is learned.

He, Deng, Wang, Li, Zhang & Wang, "LightGCN: Simplifying and Powering Graph Convolution Network for
Recommendation" (SIGIR 2020): layer k is A^k E with the symmetrically normalised adjacency A and the
embedding E, and the result is the layers' sum, weighted by alpha (equations 3, 4 and 8). Alpha is
1 / (L + 1) there; papers 1 and 2 also learn it.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from .adjacency import Adjacency, layer_sum
from .encoder import GraphConfig, GraphEncoder


@dataclass(frozen=True, kw_only=True)
class LightGCNConfig(GraphConfig):
    """LightGCN has no sizes of its own."""


class LightGCN(GraphEncoder):
    """The layers' weighted sum; a layer has no weights."""

    architecture = "lightgcn"

    def propagate(self, x: Tensor, adjacency: Adjacency) -> Tensor:
        """Sum alpha[k] A^k x, (n, D) -> (n, D)."""
        return layer_sum(x, self.alpha, adjacency)
