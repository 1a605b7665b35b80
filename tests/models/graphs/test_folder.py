"""A graph network's folder: what is read back is what was written."""

import numpy as np
import pytest
import torch

from models.graphs.folder import TrainedGraph, check_place, load_graph, save_graph
from models.graphs.recipe import embed, judged_graph, train_graph

from .test_training import SCHEDULE, config, prepared


@pytest.fixture(scope="module")
def trained() -> TrainedGraph:
    found = prepared()
    model, rows = train_graph(
        found, "lightgcn", config(found), SCHEDULE, lambda model, epoch: {}, seed=1
    )
    return TrainedGraph(model, found.playlists, found.split, SCHEDULE, {"epochs": rows})


def test_it_embeds_and_asks_the_same(tmp_path, trained):
    save_graph(tmp_path / "g", trained)
    found = load_graph(tmp_path / "g")
    assert found.playlists.track_ids == trained.playlists.track_ids
    assert found.schedule == SCHEDULE
    assert found.training == trained.training
    for part in ("valid", "test"):
        one, other = (each.split.messages(part) for each in (trained, found))
        assert np.array_equal(one.tracks, other.tracks)
        assert torch.equal(embed(trained.model, one), embed(found.model, other))
        assert judged_graph(trained, part, [5]) == judged_graph(found, part, [5])
    assert judged_graph(found, "test", [5])["roc_auc"] > 0.8
    assert [path.name for path in tmp_path.iterdir()] == ["g"]


def test_a_part_without_edges_cannot_be_asked_for(trained):
    split = trained.split
    none = split.valid.only(np.zeros(split.valid.n_edges, np.bool_))
    bare = TrainedGraph(
        trained.model,
        trained.playlists,
        type(split)(train=split.train, valid=none, test=split.test, known=split.train),
        SCHEDULE,
        {},
    )
    with pytest.raises(ValueError, match="no valid edges"):
        judged_graph(bare, "valid", [5])


def test_another_folder_is_not_replaced(tmp_path, trained):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    with pytest.raises(ValueError, match="no graph network"):
        check_place(tmp_path / "other")
    with pytest.raises(ValueError, match="no graph network"):
        save_graph(tmp_path / "other", trained)


def test_a_damaged_folder_is_refused(tmp_path, trained):
    save_graph(tmp_path / "g", trained)
    (tmp_path / "g" / "edges.safetensors").write_bytes(b"none")
    with pytest.raises(ValueError, match="train it again"):
        load_graph(tmp_path / "g")
    with pytest.raises(ValueError, match="no graph network that can be read"):
        load_graph(tmp_path / "nothing")
