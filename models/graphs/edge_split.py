"""Deals the edges of a graph out: those that are known, and those to foresee.

The transductive link split of papers 1 and 2: nodes are all known, edges are hidden. Messages pass
along one set of edges and another is to be foreseen (supervision), never the same:

| | messages pass along | to be foreseen |
|---|---|---|
| training | training edges, without a share that is drawn for supervision | that share |
| validation | all training edges | validation edges |
| test | training and validation edges | test edges |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .graph import Graph

SHARES = (0.70, 0.15, 0.15)
Part = Literal["valid", "test"]


@dataclass(frozen=True, eq=False)
class EdgeSplit:
    """Graphs over the same nodes that share no edge."""

    train: Graph
    valid: Graph
    test: Graph
    known: Graph  # train and valid together

    def messages(self, part: Part) -> Graph:
        """Give what is known when this part is asked for."""
        return self.train if part == "valid" else self.known

    def hidden(self, part: Part) -> Graph:
        """Give what is asked for."""
        return self.valid if part == "valid" else self.test


def split_edges(graph: Graph, seed: int, shares: tuple[float, float, float] = SHARES) -> EdgeSplit:
    """Deal the edges out at random, each by itself.

    Raises:
        ValueError: shares are not positive or do not sum to 1, or no edge is left to train on.
    """
    if min(shares) < 0 or abs(sum(shares) - 1) > 1e-9:
        raise ValueError(f"shares must be positive and sum to 1, got {shares}")
    dealt = np.random.default_rng(seed).permutation(graph.n_edges)
    first, second = np.rint(np.cumsum(shares)[:2] * graph.n_edges).astype(np.int64)
    if not first:
        raise ValueError(
            f"{shares[0]} of {graph.n_edges} edges is none to train on: "
            "give more data, or a lower K"
        )
    return EdgeSplit(
        train=graph.only(dealt < first),
        valid=graph.only((dealt >= first) & (dealt < second)),
        test=graph.only(dealt >= second),
        known=graph.only(dealt < second),
    )


def given_split(train: Graph, test: Graph) -> EdgeSplit:
    """Take a split that the data came with: what is no test edge is known, none validates.

    Raises:
        ValueError: the two are over other nodes, or an edge is in both.
    """
    if (train.n_playlists, train.n_tracks) != (test.n_playlists, test.n_tracks):
        raise ValueError("training and test edges must be over the same playlists and tracks")
    both = int(train.contains(test.owners, test.tracks).sum())
    if both:
        raise ValueError(
            f"{both} test edges are training edges too: take them out of one of the two files"
        )
    none = train.only(np.zeros(train.n_edges, np.bool_))
    return EdgeSplit(train=train, valid=none, test=test, known=train)


def supervision(train: Graph, share: float, rng: np.random.Generator) -> tuple[Graph, Graph]:
    """Draw an epoch's supervision edges: what messages pass along, and what is to be foreseen.

    A share of 0 lets every training edge do both, as LightGCN's authors do.

    Raises:
        ValueError: the share is not in [0, 1).
    """
    if not 0 <= share < 1:
        raise ValueError(f"the share of supervision edges is {share}, expected 0 or more, below 1")
    if not share:
        return train, train
    drawn = rng.random(train.n_edges) < share
    return train.only(~drawn), train.only(drawn)
