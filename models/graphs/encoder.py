"""What every graph network has: an embedding of each node, and a score of each pair from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .adjacency import Adjacency
from .graph import Graph

Alpha = Literal["fixed", "learnable"]
EDGES = 1 << 19  # that layers with weights pass messages along at once, where nothing is learned


@dataclass(frozen=True, kw_only=True)
class GraphConfig:
    """Sizes that all have; subclasses add their own."""

    playlists: int  # P
    tracks: int  # T
    kin: int = 0  # G, artists and albums that are nodes too
    width: int = 64  # D
    layers: int = 3  # L
    alpha: Alpha = "fixed"  # weight of each layer: 1 / (L + 1), or learned from there
    scale: float = 0.1  # standard deviation of the embeddings at first
    normalise: bool = False  # score by cosine instead of inner product
    temperature: float = 1.0  # that cosines are divided by
    positions: int = 0  # shares of a playlist that have a position embedding of their own; 0: none

    def __post_init__(self) -> None:
        least = {"playlists": 1, "tracks": 1, "kin": 0, "width": 1, "layers": 0, "positions": 0}
        for name, minimum in least.items():
            if getattr(self, name) < minimum:
                raise ValueError(f"{name} is {getattr(self, name)}, expected {minimum} or more")
        if self.alpha not in ("fixed", "learnable"):
            raise ValueError(f"alpha is {self.alpha!r}, expected fixed or learnable")
        if self.temperature <= 0:
            raise ValueError(f"temperature is {self.temperature}, expected more than 0")

    @property
    def nodes(self) -> int:
        """n = P + T + G."""
        return self.playlists + self.tracks + self.kin


class GraphEncoder(nn.Module, ABC):
    """Nodes are P playlists, then T tracks, then G groups of kin."""

    architecture: ClassVar[str]

    def __init__(self, config: GraphConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Parameter(torch.randn(config.nodes, config.width) * config.scale)
        shares = torch.full((config.layers + 1,), 1 / (config.layers + 1))
        if config.alpha == "learnable":
            self.alpha: Tensor = nn.Parameter(shares)
        else:
            self.register_buffer("alpha", shares)
        if config.positions:
            self.position = nn.Embedding(config.positions, config.width)
            nn.init.normal_(self.position.weight, std=config.scale)
            self.places: Tensor
            self.register_buffer("places", torch.zeros(config.tracks, dtype=torch.int64))

    def initial(self) -> Tensor:
        """Give what the first layer reads, (n, D)."""
        if not self.config.positions:
            return self.embedding
        added = self.position(self.places)  # (T, D)
        return self.embedding + F.pad(added, (0, 0, self.config.playlists, self.config.kin))

    def initial_of(self, nodes: Tensor) -> Tensor:
        """Give that of some nodes, (s,) -> (s, D); the embedding's gradient is a sparse one."""
        rows = F.embedding(nodes, self.embedding, sparse=True)
        if not self.config.positions:
            return rows
        tracks = nodes - self.config.playlists
        placed = (tracks >= 0) & (tracks < self.config.tracks)
        places = self.places[tracks * placed]
        found: Tensor = rows + self.position(places) * placed[:, None]
        return found

    def placed(self, graph: Graph) -> None:
        """Take from the training edges where in playlists each track stands, on average.

        Papers 1 and 2 leave open which of its many positions a track has; here it is the mean of
        its places, each as a share of its playlist, cut into `positions` equal parts.

        Raises:
            ValueError: positions are wanted and the data has none.
        """
        if not self.config.positions:
            return
        if graph.positions is None:
            raise ValueError("the data does not say where in playlists tracks stand: positions=0")
        # From the newest place that is known, as hidden tracks count in a playlist's length.
        last = np.zeros(graph.n_playlists, np.int64)
        np.maximum.at(last, graph.owners, graph.positions)
        share = graph.positions / (last[graph.owners] + 1)
        total = np.bincount(graph.tracks, share, minlength=graph.n_tracks)
        mean = total / np.maximum(1, graph.popularity)
        self.places.copy_(torch.from_numpy((mean * self.config.positions).astype(np.int64)))

    @abstractmethod
    def propagate(self, x: Tensor, adjacency: Adjacency) -> Tensor:
        """Pass messages and sum the layers up, (n, D) -> (n, D), whatever nodes these are."""

    def forward(self, adjacency: Adjacency) -> Tensor:
        """Embed every node, (n, D): the scores are inner products of these."""
        return self.scaled(self.propagate(self.initial(), adjacency))

    def scaled(self, embedded: Tensor) -> Tensor:
        """Normalise embeddings, (…, D), if scores are cosines."""
        if not self.config.normalise:
            return embedded
        unit: Tensor = F.normalize(embedded, dim=-1)
        return unit * float(self.config.temperature**-0.5)


class LayeredEncoder(GraphEncoder):
    """A network whose layers have weights; papers 1 and 2 sum them up as LightGCN does."""

    def propagate(self, x: Tensor, adjacency: Adjacency) -> Tensor:
        """Apply the layers one on another, and sum alpha[k] of each up, (n, D) -> (n, D)."""
        total = x * self.alpha[0]
        whole = torch.is_grad_enabled() or len(adjacency.neighbours) <= EDGES
        given = self.prepared(adjacency)
        for number in range(self.config.layers):
            x = self.layer(number, x, given) if whole else self._in_blocks(number, x, given)
            total = total + x * self.alpha[number + 1]
        return total

    def prepared(self, adjacency: Adjacency) -> Adjacency:
        """Give the matrix that all layers use."""
        return adjacency

    def _in_blocks(self, number: int, x: Tensor, adjacency: Adjacency) -> Tensor:
        """Apply a layer to some nodes after others: memory is bounded, whatever the graph."""
        found, first, n = [], 0, adjacency.n_nodes
        starts = adjacency.starts.long()
        while first < n:
            # As many nodes as have the edges of a block, and at least one.
            full = int(torch.searchsorted(starts, starts[first] + EDGES, right=True)) - 1
            last = max(first + 1, min(full, n))
            block = slice(int(starts[first]), int(starts[last]))
            ends = adjacency.neighbours[block].long()
            own = torch.arange(first, last, device=ends.device)
            nodes, place = torch.unique(torch.cat([own, ends]), return_inverse=True)
            degrees = torch.zeros(len(nodes) + 1, dtype=torch.int64, device=ends.device)
            degrees[place[: last - first] + 1] = starts[first : last + 1].diff()
            edges = Adjacency(
                degrees.cumsum(0), place[last - first :], adjacency.weights[block], symmetric=False
            )
            found.append(self.layer(number, x[nodes], edges)[place[: last - first]])
            first = last
        return torch.cat(found)

    @abstractmethod
    def layer(self, number: int, x: Tensor, adjacency: Adjacency) -> Tensor:
        """Apply one layer, (n, D) -> (n, D)."""
