"""Artists and albums as nodes: who shares what, and what messages then tell."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

from models.data.playlists import numbered
from models.graphs.adjacency import Adjacency
from models.graphs.evaluation import rank
from models.graphs.folder import TrainedGraph, load_graph, save_graph
from models.graphs.items import graph_items
from models.graphs.kin import Kin, kin_of
from models.graphs.lightgcn import LightGCNConfig
from models.graphs.recipe import embed, prepare_graph, train_graph
from models.graphs.schedule import GraphSchedule

from .small import blocks, graph_of

ABOUT = pl.DataFrame(
    {
        "title": list("abcdef"),
        "artist": ["X", "X", "Y", "Y", "", "Z"],
        "album": ["one", "one", "one", "two", "one", ""],
    }
)


def test_tracks_share_artists_and_albums_of_one_artist():
    kin = kin_of(ABOUT, ["artist", "album"])
    assert kin.groups.tolist() == [[0, 2], [0, 2], [1, -1], [1, -1], [-1, -1], [-1, -1]]
    assert kin.count == 3
    tracks, groups = kin.pairs()
    assert list(zip(tracks.tolist(), groups.tolist(), strict=True)) == [
        (0, 0), (0, 2), (1, 0), (1, 2), (2, 1), (3, 1),
    ]  # fmt: skip


def test_what_cannot_be_shared_is_refused():
    with pytest.raises(ValueError, match="does not name"):
        kin_of(None, ["artist"])
    with pytest.raises(ValueError, match="unknown kin"):
        kin_of(ABOUT, ["genre"])
    with pytest.raises(ValueError, match="no two of the 2 tracks share an artist"):
        kin_of(ABOUT[3:5], ["artist"])


def test_messages_pass_between_a_track_and_its_groups():
    graph = replace(graph_of([[0]], 2), kin=Kin(np.array([[0], [0]])))
    assert graph.n_nodes == 4  # a playlist, two tracks, an artist
    x = torch.eye(4)
    expected = torch.zeros(4, 4)
    for one, other, weight in ((0, 1, 0.5**0.5), (1, 3, 0.5), (2, 3, 0.5**0.5)):
        expected[one, other] = expected[other, one] = weight
    torch.testing.assert_close(Adjacency.of(graph).product(x), expected)


def test_a_network_trains_ranks_is_kept_and_embeds_tracks_alone(tmp_path):
    graph = blocks(0)
    about = pl.DataFrame({"title": "t", "artist": [str(i % 3) for i in range(24)], "album": ""})
    read = numbered(
        map(str, range(60)), map(str, range(24)), graph.owners, graph.tracks, about=about
    )
    prepared = prepare_graph(read, k=2, kin=("artist",))
    train = prepared.split.train
    config = LightGCNConfig(
        playlists=train.n_playlists, tracks=train.n_tracks, kin=3, width=8, layers=2, positions=4
    )
    schedule = GraphSchedule(epochs=30, batch=64, learning_rate=0.02)
    model, rows = train_graph(prepared, "lightgcn", config, schedule, lambda model, epoch: {})
    known, hidden = prepared.split.messages("valid"), prepared.split.hidden("valid")
    found = rank(embed(model, known), known, hidden, 5).metrics([5])
    assert found["recall@5"] > 0.5
    kept = TrainedGraph(model, prepared.playlists, prepared.split, schedule, {"epochs": rows})
    save_graph(tmp_path / "g", kept)
    again = load_graph(tmp_path / "g")
    assert torch.equal(embed(again.model, again.split.known), embed(model, prepared.split.known))
    assert len(graph_items(again)) == train.n_tracks


def test_a_track_that_no_playlist_has_is_like_its_artists_others():
    graph = replace(graph_of([[0], [1]], 4), kin=Kin(np.array([[0], [1], [0], [1]])))
    # Wide enough that embeddings drawn at random are nearly orthogonal: messages tell alone.
    config = LightGCNConfig(playlists=2, tracks=4, kin=2, width=1024, layers=4)
    from models.graphs.lightgcn import LightGCN

    embedded = embed(LightGCN(config), graph)
    scores = embedded[:2] @ embedded[2:6].T
    assert scores[0, 2] > scores[0, 3]
    assert scores[1, 3] > scores[1, 2]
