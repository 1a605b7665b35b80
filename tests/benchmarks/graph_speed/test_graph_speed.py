"""The plain LightGCN computes what ours does, and turns are summed up rightly."""

import json

import torch

from benchmarks.graph_speed import run
from benchmarks.graph_speed.plain import PlainLightGCN, drawn_one_by_one
from models.graphs.lightgcn import LightGCN, LightGCNConfig
from models.graphs.recipe import embed
from tests.models.graphs.small import random_graph


@torch.no_grad()
def test_the_plain_model_embeds_as_ours():
    graph = random_graph(1)
    ours = LightGCN(LightGCNConfig(playlists=30, tracks=20, width=8, layers=3))
    theirs = PlainLightGCN(graph, 8, 3)
    theirs.playlists.weight.copy_(ours.embedding[:30])
    theirs.tracks.weight.copy_(ours.embedding[30:])
    torch.testing.assert_close(torch.cat(theirs()), embed(ours, graph))


def test_the_plain_negatives_are_no_edges():
    graph = random_graph(1)
    rows = [graph.row(playlist).tolist() for playlist in range(30)]
    drawn = drawn_one_by_one(rows, [set(row) for row in rows], 20, 200)
    playlists, tracks, wrong = (part.numpy() for part in drawn)
    assert graph.contains(playlists, tracks).all()
    assert not graph.contains(playlists, wrong).any()


def test_both_take_turns_and_are_compared(tmp_path, capsys):
    (tmp_path / "pairs.txt").write_text("".join(f"{u} {u % 7} {u % 5} 9\n" for u in range(99)))
    out = tmp_path / "speed.json"
    data = f"pairs:{tmp_path}/pairs.txt"
    run.main(["--data", data, "--rounds", "3", "--steps", "2", "--out", str(out), "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result == json.loads(out.read_text())
    assert len(result["ratio_wall_rounds"]) == len(result["ratio_cpu_rounds"]) == 3
    step = result["ours"]["wall_seconds_a_step"]
    assert step["low"] <= step["median"] <= step["high"]
    assert result["ours"]["wall_seconds_an_epoch"] == step["median"] * result["steps_an_epoch"]
