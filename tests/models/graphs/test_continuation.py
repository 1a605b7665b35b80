"""A playlist's continuation: of its own kind, without what it has, by any network."""

import numpy as np
import pytest
import torch

from models.graphs.continuation import continue_playlist, scores_of
from models.graphs.folder import TrainedGraph
from models.graphs.networks import make_graph_config
from models.graphs.recipe import embed, train_graph

from .test_training import SCHEDULE, prepared


def made(network: str) -> TrainedGraph:
    found = prepared()
    graph = found.split.train
    sizes = {"playlists": graph.n_playlists, "tracks": graph.n_tracks, "width": 8, "layers": 2}
    config = make_graph_config(network, sizes)
    model, _ = train_graph(found, network, config, SCHEDULE, lambda model, epoch: {})
    return TrainedGraph(model, found.playlists, found.split, SCHEDULE, {})


@pytest.fixture(scope="module")
def trained() -> TrainedGraph:
    return made("lightgcn")


@pytest.mark.parametrize("network", ["lightgcn", "sage"])
def test_what_follows_is_of_the_playlists_block_and_not_in_it(network):
    trained = made(network)
    for block in range(3):
        found = continue_playlist(trained, [str(block), str(block + 3), str(block + 6)], 5)
        assert {int(track.track_id) % 3 for track in found.tracks} == {block}
        assert not {track.track_id for track in found.tracks} & {str(block), str(block + 3)}
        assert [track.rank for track in found.tracks] == [1, 2, 3, 4, 5]
        scores = [track.score for track in found.tracks]
        assert scores == sorted(scores, reverse=True)


def test_one_track_is_enough_and_unknown_ones_are_told(trained):
    found = continue_playlist(trained, ["1", "nobody", "1"], 100)
    assert found.unknown == ("nobody",)
    assert len(found.tracks) == trained.split.train.n_tracks - 1


def test_without_a_known_track_there_is_no_continuation(trained):
    with pytest.raises(ValueError, match="none of the playlist's 1 tracks"):
        continue_playlist(trained, ["nobody"], 3)
    with pytest.raises(ValueError, match="1 or more"):
        continue_playlist(trained, ["1"], 0)


def test_a_copy_of_a_playlist_is_scored_as_that_but_for_its_own_embedding(trained):
    known = trained.split.known
    embedded = embed(trained.model, known)
    own = embedded[known.n_playlists :] @ embedded[0]
    copy = scores_of(trained.model, known, known.row(0).astype(np.int64))
    assert float(torch.corrcoef(torch.stack([own, copy]))[0, 1]) > 0.8
