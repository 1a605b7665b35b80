"""How well a graph network foresees hidden edges: every track ranked for each playlist.

Recall@k is the share of a playlist's hidden tracks among its first k, NDCG@k the discounted sum of
those over that of a perfect list (min(k, hidden) tracks at the top), each averaged over the
playlists that hide something: the definitions of LightGCN's authors. Known edges are masked unless
said otherwise. Tracks that share the score of the one after the list do not count: ties count
against the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from . import negatives
from .graph import Bools, Graph, Ints
from .losses import GraphLoss, pair_loss

SCORES = 1 << 24  # that are held at once
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ranking:
    """The first tracks of each playlist that hides some."""

    playlists: Ints  # (n,)
    hits: Bools  # (n, k), whether the track at each rank is hidden
    hidden: Ints  # (n,), how many are

    def recall(self, k: int) -> Floats:
        """Recall@k of each playlist, (n,)."""
        found: Floats = self.hits[:, :k].sum(axis=1) / self.hidden
        return found

    def ndcg(self, k: int) -> Floats:
        """NDCG@k of each playlist, (n,)."""
        gains = 1 / np.log2(np.arange(2, k + 2))
        best = np.cumsum(gains)[np.minimum(self.hidden, k) - 1]
        found: Floats = self.hits[:, :k] @ gains / best
        return found

    def metrics(self, cutoffs: Sequence[int]) -> dict[str, float]:
        """Give both at each cut-off, averaged over the playlists."""
        found: dict[str, float] = {}
        for k in cutoffs:
            found[f"recall@{k}"] = float(self.recall(k).mean())
            found[f"ndcg@{k}"] = float(self.ndcg(k).mean())
        return found


def check_askable(hidden: Graph, k: int) -> None:
    """Refuse what `rank` cannot answer, before a training that would end with it.

    Raises:
        ValueError: no playlist hides a track, or k is not within 1..T.
    """
    if not 1 <= k <= hidden.n_tracks:
        raise ValueError(
            f"cut-off {k} is not within 1..{hidden.n_tracks}, the number of tracks: ask for one "
            "that is, or give more data"
        )
    if not hidden.n_edges:
        raise ValueError("no playlist hides a track, so there is nothing to rank: give more data")


def rank(embedded: Tensor, known: Graph, hidden: Graph, k: int, *, masked: bool = True) -> Ranking:
    """Rank all tracks for each playlist that hides some, by inner product, (P + T, D).

    Raises:
        ValueError: no playlist hides a track, or k is not within 1..T.
        FloatingPointError: an embedding is not finite.
    """
    check_askable(hidden, k)
    if not bool(embedded.isfinite().all()):
        raise FloatingPointError("embeddings are not finite: lower the learning rate")
    playlists = np.flatnonzero(hidden.lengths)
    first, last = hidden.n_playlists, hidden.n_playlists + hidden.n_tracks
    catalog = embedded[first:last].T.contiguous()  # (D, T)
    size = max(1, SCORES // hidden.n_tracks)
    hits = []
    for first in range(0, len(playlists), size):
        some = playlists[first : first + size]
        scores = embedded[torch.from_numpy(some)] @ catalog  # (m, T)
        if masked:
            owners, tracks = negatives.entries(known, some)
            scores[torch.from_numpy(owners), torch.from_numpy(tracks)] = -torch.inf
        hits.append(_hits(scores, some, hidden, k))
    return Ranking(playlists, np.concatenate(hits), hidden.lengths[playlists])


def _hits(scores: Tensor, playlists: Ints, hidden: Graph, k: int) -> Bools:
    top = scores.topk(min(k + 1, scores.shape[1]), dim=1)
    listed = top.indices[:, :k].cpu().numpy()
    sure = top.values[:, :k] > top.values[:, k:] if scores.shape[1] > k else top.values > -torch.inf
    found = hidden.contains(np.repeat(playlists, k), listed.ravel()).reshape(listed.shape)
    counted: Bools = found & sure.cpu().numpy()
    return counted


@dataclass(frozen=True)
class PairQuality:
    """How well edges are told from pairs that are none."""

    loss: float
    roc_auc: float


def tell_apart(
    embedded: Tensor, edges: Graph, everything: Graph, loss: GraphLoss, seed: int
) -> PairQuality:
    """Compare each edge with a uniform pair of its playlist that is in no part of the data.

    The pairs are drawn by `seed`, so that every epoch and every model is asked the same.
    """
    owners = edges.owners
    rng = np.random.default_rng(seed)
    drawn = negatives.uniform(everything, owners, rng)
    positive = _scores(embedded, edges.n_playlists, owners, edges.tracks)
    negative = _scores(embedded, edges.n_playlists, owners, drawn)
    return PairQuality(
        float(pair_loss(loss, positive, negative)),
        roc_auc(positive.cpu().numpy(), negative.cpu().numpy()),
    )


def roc_auc(positive: NDArray[np.floating], negative: NDArray[np.floating]) -> float:
    """Chance that a positive outscores a negative, ties by half, (n,), (m,)."""
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left")
    upto = np.searchsorted(ordered, positive, "right")
    return float((below + upto).sum() / (2 * len(positive) * len(negative)))


def _scores(
    embedded: Tensor, n_playlists: int, playlists: Ints, tracks: NDArray[np.integer]
) -> Tensor:
    found = []
    for first in range(0, len(playlists), 1 << 18):
        part = slice(first, first + (1 << 18))
        left = F.embedding(torch.from_numpy(playlists[part]), embedded)
        ends = torch.from_numpy(tracks[part].astype(np.int64) + n_playlists)
        found.append((left * F.embedding(ends, embedded)).sum(dim=1))
    return torch.cat(found)
