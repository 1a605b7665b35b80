"""Graph attention: each neighbour's message counts as much as the two embeddings say.

Velickovic, Cucurull, Casanova, Romero, Liò & Bengio, "Graph Attention Networks" (ICLR 2018), in
the place of LightGCN's layers as papers 1 and 2 have it: five heads side by side, dropout .5 on the
attention, and a linear layer back to the width (Batelaan et al.; equations 3 to 5 of Huang & Singh,
"GNN-based Spotify Playlist Recommendation"). `mlp` puts a perceptron with dropout in that layer's
place, as the latter's best network has; how many layers it has they do not say, here two.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from .adjacency import Adjacency
from .attending import attend
from .encoder import GraphConfig, LayeredEncoder
from .geometric import GATConv


@dataclass(frozen=True, kw_only=True)
class GATConfig(GraphConfig):
    """Sizes of the attention."""

    heads: int = 5
    dropout: float = 0.5  # of attention, and inside the perceptron
    mlp: bool = False  # a perceptron behind the heads instead of a linear layer

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.heads < 1 or not 0 <= self.dropout < 1:
            raise ValueError(
                f"heads is {self.heads}, expected 1 or more; dropout is {self.dropout}, expected "
                "0 or more, below 1"
            )


class HeadedAttention(GATConv):  # type: ignore[misc]  # it has no types
    """PyTorch Geometric's layer with its messages summed up as products with a sparse matrix."""

    def forward(self, x: Tensor, looped: Adjacency) -> Tensor:
        """Attend to the neighbours, the node itself being one, (n, D) -> (n, H D)."""
        parts = self.lin(x).view(len(x), self.heads, self.out_channels)
        dropout = self.dropout if self.training else 0.0
        mixed = attend(parts, self.att_dst[0], self.att_src[0], looped, dropout)
        found: Tensor = mixed.flatten(1) + self.bias
        return found


class GAT(LayeredEncoder):
    """Attention layers, each followed by a way back to the width."""

    architecture = "gat"

    def __init__(self, config: GATConfig) -> None:
        super().__init__(config)
        width, heads, dropout = config.width, config.heads, config.dropout
        self.attention = nn.ModuleList(
            HeadedAttention(width, width, heads=heads, dropout=dropout)
            for _ in range(config.layers)
        )
        self.back = nn.ModuleList(
            nn.Sequential(
                nn.Linear(heads * width, width),
                nn.ReLU(),
                nn.Dropout(dropout),
                nn.Linear(width, width),
            )
            if config.mlp
            else nn.Linear(heads * width, width)
            for _ in range(config.layers)
        )

    def prepared(self, adjacency: Adjacency) -> Adjacency:
        """Make each node a neighbour of itself."""
        return adjacency.looped

    def layer(self, number: int, x: Tensor, adjacency: Adjacency) -> Tensor:
        """Attend to the neighbours and to the node itself, (n, D) -> (n, D)."""
        heads = self.attention[number](x, adjacency)  # (n, H D)
        found: Tensor = self.back[number](heads)
        return found
