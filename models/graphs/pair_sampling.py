"""Batches of pairs to learn from: a playlist, a track of its own, and one that it does not have.

What is drawn depends on seed, epoch and step alone (and for hard negatives on the model).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .edge_split import supervision
from .graph import Graph, Ints
from .negatives import hard, shrinking, uniform
from .schedule import GraphSchedule

MEMORY = 0.98  # of what adaptive negatives remember at each step


class Drawn(NamedTuple):
    """An epoch: what messages pass along, what is to be foreseen, and in which order."""

    messages: Graph
    supervised: Graph
    owning: Ints  # playlists with a supervised edge
    order: Ints | None  # of the supervised edges, where each is taken once
    batch: int
    steps: int


class PairSampler:
    """Draws the pairs of one training."""

    def __init__(self, train: Graph, schedule: GraphSchedule, seed: int) -> None:
        self._train, self._schedule, self._seed = train, schedule, seed
        self._owning = np.flatnonzero(train.lengths)
        self.told = torch.tensor(0.5)  # share of uniform pairs told apart, of late

    def epoch(self, number: int) -> Drawn:
        """Draw an epoch's supervision edges and their order."""
        rng = np.random.default_rng((self._seed, number))
        messages, supervised = supervision(self._train, self._schedule.supervision, rng)
        owning = self._owning
        if supervised is not self._train:
            owning = np.flatnonzero(supervised.lengths)
            if not len(owning):
                raise ValueError(
                    f"{self._schedule.supervision} of {self._train.n_edges} training edges is none "
                    "to foresee: raise supervision, or give more data"
                )
        n = supervised.n_edges
        batch = min(self._schedule.batch or n, n)
        order = rng.permutation(n) if self._schedule.draw == "edges" else None
        return Drawn(messages, supervised, owning, order, batch, math.ceil(n / batch))

    def generator(self, epoch: int, step: int) -> np.random.Generator:
        """Give the source of all that a step draws."""
        return np.random.default_rng((self._seed, epoch, step + 1))

    def positives(self, drawn: Drawn, step: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Draw edges, playlists (B,) and tracks (B,)."""
        graph, first = drawn.supervised, step * drawn.batch
        if drawn.order is not None:
            edges = drawn.order[first : first + drawn.batch]
            owners = np.searchsorted(graph.starts, edges, side="right") - 1
            return owners, graph.tracks[edges].astype(np.int64)
        size = min(drawn.batch, graph.n_edges - first)
        playlists = drawn.owning[rng.integers(0, len(drawn.owning), size)]
        within = (rng.random(size) * graph.lengths[playlists]).astype(np.int64)
        return playlists, graph.tracks[graph.starts[playlists] + within].astype(np.int64)

    def negatives(
        self,
        playlists: Ints,
        tracks: Ints,
        embedded: Tensor | None,
        position: float,
        rng: np.random.Generator,
    ) -> Ints:
        """Draw a track for each pair, (B,), at a position in [0, 1] of training.

        `embedded` (n, D) is for negatives that are not uniform.
        """
        schedule = self._schedule
        drawn = uniform(self._train, playlists, rng, checked=schedule.checked)
        if schedule.negatives == "uniform" or embedded is None:
            return drawn
        harder = np.ones(len(playlists), np.bool_)
        if schedule.negatives == "adaptive":
            harder = (
                rng.random(len(playlists))
                < 2 * self._learned(playlists, tracks, drawn, embedded) - 1
            )
        first, n = self._train.n_playlists, self._train.n_tracks
        catalog = embedded[first : first + n].T  # (D, T)

        def score(some: Ints) -> Tensor:
            return embedded[torch.from_numpy(some)] @ catalog

        share = shrinking(schedule.hard_first, schedule.hard_last, position)
        drawn[harder] = hard(
            self._train, playlists[harder], score, share, rng, checked=schedule.checked
        )
        return drawn

    def _learned(self, playlists: Ints, tracks: Ints, drawn: Ints, embedded: Tensor) -> float:
        """Give the share of uniform pairs that are told apart, of late."""
        left, right, wrong = (
            embedded[torch.from_numpy(nodes)]
            for nodes in (
                playlists,
                tracks + self._train.n_playlists,
                drawn + self._train.n_playlists,
            )
        )
        now = ((left * right).sum(dim=1) > (left * wrong).sum(dim=1)).float().mean().cpu()
        self.told = MEMORY * self.told + (1 - MEMORY) * now
        return float(self.told)
