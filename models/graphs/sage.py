"""GraphSAGE: a linear map of the neighbours' mean, and another of the node's own embedding.

Hamilton, Ying & Leskovec, "Inductive Representation Learning on Large Graphs" (NeurIPS 2017), with
the mean aggregator, in the place of LightGCN's layers: Batelaan et al., "Spotify Track Neural
Recommender System".
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from .encoder import GraphConfig, LayeredEncoder
from .geometric import SAGEConv


@dataclass(frozen=True, kw_only=True)
class SAGEConfig(GraphConfig):
    """GraphSAGE has no sizes of its own."""


class SAGE(LayeredEncoder):
    """Layers of GraphSAGE."""

    architecture = "sage"

    def __init__(self, config: SAGEConfig) -> None:
        super().__init__(config)
        self.layers = nn.ModuleList(
            SAGEConv(config.width, config.width) for _ in range(config.layers)
        )

    def layer(self, number: int, x: Tensor, edges: Tensor) -> Tensor:
        """Map the neighbours' mean and the node itself, (n, D), (2, m) -> (n, D)."""
        found: Tensor = self.layers[number](x, edges)
        return found
