"""LightGCN as one writes it in plain PyTorch: what ours is compared with.

A COO adjacency, `torch.sparse.mm` under autograd for each layer of each batch, torch's own Adam,
and pairs drawn one by one in Python, as the published code does without its C++ sampler.
Nothing is slowed down on purpose. Quality is not measured here.
"""

from __future__ import annotations

import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.graphs.graph import Graph


class PlainLightGCN(nn.Module):
    """Embeddings of both sides, and the mean of the layers."""

    def __init__(self, graph: Graph, width: int, layers: int) -> None:
        super().__init__()
        self.playlists = nn.Embedding(graph.n_playlists, width)
        self.tracks = nn.Embedding(graph.n_tracks, width)
        nn.init.normal_(self.playlists.weight, std=0.1)
        nn.init.normal_(self.tracks.weight, std=0.1)
        self._adjacency, self._layers = coo(graph), layers

    def forward(self) -> tuple[Tensor, Tensor]:
        """Embed both sides, (P, D) and (T, D)."""
        embedded = torch.cat([self.playlists.weight, self.tracks.weight])
        found = [embedded]
        for _ in range(self._layers):
            embedded = torch.sparse.mm(self._adjacency, embedded)
            found.append(embedded)
        mean = torch.stack(found, dim=1).mean(dim=1)
        playlists, tracks = torch.split(
            mean, [self.playlists.num_embeddings, self.tracks.num_embeddings]
        )
        return playlists, tracks

    def loss(self, playlists: Tensor, tracks: Tensor, wrong: Tensor, decay: float) -> Tensor:
        """BPR with L2 of the batch's own embeddings, (B,) each -> scalar."""
        of_playlists, of_tracks = self()
        left = of_playlists[playlists]
        positive = (left * of_tracks[tracks]).sum(dim=1)
        negative = (left * of_tracks[wrong]).sum(dim=1)
        own = (self.playlists(playlists), self.tracks(tracks), self.tracks(wrong))
        squares = torch.stack([rows.norm(2).pow(2) for rows in own]).sum() / 2
        penalty: Tensor = decay * squares / len(playlists)
        return F.softplus(negative - positive).mean() + penalty


def coo(graph: Graph) -> Tensor:
    """Give D^-1/2 A D^-1/2 in coordinates, (n, n)."""
    owners, ends = graph.owners, graph.tracks.astype(np.int64) + graph.n_playlists
    rows, columns = np.concatenate([owners, ends]), np.concatenate([ends, owners])
    degree = np.maximum(np.bincount(rows, minlength=graph.n_nodes), 1)
    values = torch.from_numpy((degree[rows] * degree[columns]) ** -0.5).float()
    places = torch.from_numpy(np.stack([rows, columns]))
    n = graph.n_nodes
    return torch.sparse_coo_tensor(places, values, (n, n), check_invariants=False).coalesce()


def drawn_one_by_one(
    rows: list[list[int]], sets: list[set[int]], n_tracks: int, size: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw playlists, a track of each, and one that it does not have, (B,) each."""
    pairs: list[tuple[int, int, int]] = []
    while len(pairs) < size:
        playlist = random.randrange(len(rows))
        if not rows[playlist]:
            continue
        track = random.choice(rows[playlist])
        wrong = random.randrange(n_tracks)
        while wrong in sets[playlist]:
            wrong = random.randrange(n_tracks)
        pairs.append((playlist, track, wrong))
    playlists, tracks, others = torch.tensor(pairs).T
    return playlists, tracks, others
