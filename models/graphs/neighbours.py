"""Draws the surroundings of some nodes, so that a step need not pass messages over a whole graph.

Neighbour sampling of GraphSAGE (Hamilton, Ying & Leskovec, NeurIPS 2017, section 3.1), from CSR
arrays and all nodes of a hop at once. A node with more neighbours than a hop's fan-out draws that
many with replacement, and each draw stands for its share of them: sums of weighted neighbours are
right on average.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from .adjacency import Adjacency
from .graph import Ints


class Surroundings(NamedTuple):
    """Nodes and what of their edges was drawn; the nodes asked for come first."""

    nodes: Ints  # (s,) in the whole graph
    adjacency: Adjacency  # (s, s); the outermost nodes receive nothing


class NeighbourSampler:
    """Draws surroundings in one graph."""

    def __init__(self, adjacency: Adjacency, fanouts: Sequence[int]) -> None:
        self._fanouts = tuple(fanouts)
        self._starts = adjacency.starts.cpu().numpy()
        self._neighbours = adjacency.neighbours.cpu().numpy()
        self._weights = adjacency.weights.cpu().numpy()
        self._place = np.full(adjacency.n_nodes, -1, np.int64)  # of a node in the surroundings

    def around(self, seeds: Ints, rng: np.random.Generator) -> Surroundings:
        """Draw a hop for each fan-out around distinct nodes, (b,)."""
        hops, frontier, count = [seeds], seeds, len(seeds)
        self._place[seeds] = np.arange(count)
        sizes, ends, weights = [], [], []
        for fanout in self._fanouts:
            lengths, neighbours, own = self._hop(frontier, fanout, rng)
            sizes.append(lengths)
            ends.append(neighbours)
            weights.append(own)
            fresh = np.unique(neighbours)
            frontier = fresh[self._place[fresh] < 0]
            self._place[frontier] = count + np.arange(len(frontier))
            count += len(frontier)
            hops.append(frontier)
        sizes.append(np.zeros(len(frontier), np.int64))
        nodes = np.concatenate(hops)
        local = self._place[np.concatenate(ends)]
        self._place[nodes] = -1
        found = Adjacency(
            torch.from_numpy(np.concatenate([[0], np.cumsum(np.concatenate(sizes))])),
            torch.from_numpy(local),
            torch.from_numpy(np.concatenate(weights)),
            symmetric=False,
        )
        return Surroundings(nodes, found)

    def _hop(
        self, nodes: Ints, fanout: int, rng: np.random.Generator
    ) -> tuple[Ints, Ints, NDArray[np.float32]]:
        """Draw neighbours of nodes, (b,): how many each has, which, and with what weights."""
        begins = self._starts[nodes].astype(np.int64)
        degrees = self._starts[nodes + 1] - begins
        few, many = degrees <= fanout, np.flatnonzero(degrees > fanout)
        taken = np.where(few, degrees, 0)
        before = np.cumsum(taken) - taken
        rows = np.repeat(np.arange(len(nodes)), taken)
        places = np.repeat(begins - before, taken) + np.arange(len(rows))
        # Of the others the draws; one that is drawn twice is one edge of twice the weight.
        drawn = begins[many, None] + (rng.random((len(many), fanout)) * degrees[many, None]).astype(
            np.int64
        )
        unique, times = np.unique(drawn, return_counts=True)
        owners = np.searchsorted(self._starts, unique, side="right") - 1
        row_of = np.empty(0, np.int64)
        if len(many):
            order = np.argsort(nodes[many])
            row_of = many[order][np.searchsorted(nodes[many][order], owners)]
        rows, places = np.concatenate([rows, row_of]), np.concatenate([places, unique])
        scale = np.concatenate([np.ones(len(rows) - len(unique)), times * degrees[row_of] / fanout])
        order = np.argsort(rows, kind="stable")
        places, scale = places[order], scale[order]
        lengths = np.bincount(rows, minlength=len(nodes)).astype(np.int64)
        weights: NDArray[np.float32] = (self._weights[places] * scale).astype(np.float32)
        return lengths, self._neighbours[places].astype(np.int64), weights
