"""What all graph networks share: sizes, positions of tracks, names."""

import numpy as np
import pytest
import torch

from models.graphs.graph import gathered
from models.graphs.lightgcn import LightGCN, LightGCNConfig
from models.graphs.networks import make_graph_config, make_graph_encoder

from .small import random_graph


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"playlists": 0}, "playlists is 0"),
        ({"layers": -1}, "layers is -1"),
        ({"alpha": "free"}, "fixed or learnable"),
        ({"temperature": 0}, "more than 0"),
    ],
)
def test_sizes_that_cannot_be_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        LightGCNConfig(**{"playlists": 2, "tracks": 3, **given})


def test_names_and_sizes_that_are_not_known_are_refused_with_those_that_are():
    with pytest.raises(ValueError, match="lightgcn"):
        make_graph_encoder("gcn", LightGCNConfig(playlists=1, tracks=1))
    with pytest.raises(ValueError, match="no heads"):
        make_graph_config("lightgcn", {"playlists": 1, "tracks": 1, "heads": 2})


def test_a_track_has_the_position_of_its_mean_place():
    owners, tracks = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 1, 2, 3, 3, 0])
    graph, _ = gathered(owners, tracks, 2, 4, ordered=True)
    model = LightGCN(LightGCNConfig(playlists=2, tracks=4, positions=8))
    model.placed(graph)
    # Places are 0, 1/4, 2/4, 3/4 in the first playlist and 0, 1/2 in the second.
    assert model.places.tolist() == [2, 2, 4, 3]
    added = model.initial() - model.embedding
    assert not added[:2].any()
    torch.testing.assert_close(added[2:], model.position.weight[model.places])


def test_data_without_positions_has_none_to_embed():
    model = LightGCN(LightGCNConfig(playlists=30, tracks=20, positions=8))
    with pytest.raises(ValueError, match="positions=0"):
        model.placed(random_graph(1))
