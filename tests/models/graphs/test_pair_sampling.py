"""Batches of pairs: an epoch takes each edge once, or playlists alike."""

import numpy as np
import torch

from models.graphs.pair_sampling import PairSampler
from models.graphs.schedule import GraphSchedule

from .small import graph_of, random_graph


def test_an_epoch_of_edges_takes_each_once():
    graph = random_graph(1)
    sampler = PairSampler(graph, GraphSchedule(draw="edges", batch=32), 0)
    drawn = sampler.epoch(1)
    pairs = set()
    for step in range(drawn.steps):
        found = sampler.positives(drawn, step, sampler.generator(1, step))
        pairs |= set(zip(*(part.tolist() for part in found), strict=True))
    assert pairs == set(zip(graph.owners.tolist(), graph.tracks.tolist(), strict=True))


def test_playlists_are_drawn_alike_however_long_and_their_tracks_alike():
    graph = graph_of([[0, 1, 2, 3], [], [4]] * 400, 5)
    sampler = PairSampler(graph, GraphSchedule(batch=0), 0)
    drawn = sampler.epoch(1)
    assert drawn.steps == 1
    playlists, tracks = sampler.positives(drawn, 0, sampler.generator(1, 0))
    assert len(playlists) == graph.n_edges
    assert graph.contains(playlists, tracks).all()
    shares = np.bincount(tracks, minlength=5) / len(tracks)
    assert np.allclose(shares, [0.125] * 4 + [0.5], atol=0.04)


def test_steps_draw_the_same_again_and_others_draw_something_else():
    sampler = PairSampler(random_graph(1), GraphSchedule(), 7)
    first = [sampler.generator(*at).integers(1 << 40) for at in ((1, 0), (1, 0), (1, 1), (2, 0))]
    assert first[0] == first[1]
    assert len(set(first)) == 3


def test_adaptive_negatives_are_uniform_until_those_are_told_apart():
    graph = random_graph(3)
    sampler = PairSampler(graph, GraphSchedule(negatives="adaptive", hard_first=0.05), 0)
    playlists, tracks = graph.owners, graph.tracks.astype(np.int64)
    embedded = torch.randn(graph.n_nodes, 4)
    rng = sampler.generator(1, 0)
    sampler.told = torch.tensor(0.0)
    sampler.negatives(playlists, tracks, embedded, 0, rng)
    sampler.told = torch.tensor(1.0)
    best = (embedded[:30] @ embedded[30:].T).masked_fill(
        torch.from_numpy(np.isin(np.arange(600).reshape(30, 20), playlists * 20 + tracks)),
        -torch.inf,
    )
    drawn = sampler.negatives(playlists, tracks, embedded, 0, rng)
    hardest = best.argmax(dim=1).numpy()[playlists]
    assert (drawn == hardest).mean() > 0.9
