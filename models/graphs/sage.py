"""GraphSAGE: a linear map of the neighbours' mean, and another of the node's own embedding.

Hamilton, Ying & Leskovec, "Inductive Representation Learning on Large Graphs" (NeurIPS 2017), with
the mean aggregator, in the place of LightGCN's layers: Batelaan et al., "Spotify Track Neural
Recommender System".
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from .adjacency import Adjacency
from .encoder import GraphConfig, LayeredEncoder
from .geometric import SAGEConv


@dataclass(frozen=True, kw_only=True)
class SAGEConfig(GraphConfig):
    """GraphSAGE has no sizes of its own."""


class Averaging(SAGEConv):  # type: ignore[misc]  # it has no types
    """PyTorch Geometric's layer with the means taken as a product with a sparse matrix."""

    def forward(self, x: Tensor, mean: Adjacency) -> Tensor:
        """Map the neighbours' mean and the node itself, (n, D) -> (n, D)."""
        found: Tensor = self.lin_l(mean.spread(x, mean.weights)) + self.lin_r(x)
        return found


class SAGE(LayeredEncoder):
    """Layers of GraphSAGE."""

    architecture = "sage"

    def __init__(self, config: SAGEConfig) -> None:
        super().__init__(config)
        self.layers = nn.ModuleList(
            Averaging(config.width, config.width) for _ in range(config.layers)
        )

    def prepared(self, adjacency: Adjacency) -> Adjacency:
        """Weigh all of a node's neighbours alike."""
        return adjacency.averaging

    def layer(self, number: int, x: Tensor, adjacency: Adjacency) -> Tensor:
        """Map the neighbours' mean and the node itself, (n, D) -> (n, D)."""
        found: Tensor = self.layers[number](x, adjacency)
        return found
