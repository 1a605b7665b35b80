"""Suites of graph networks: cells are trained once, kept, compared, and written down."""

import json
from dataclasses import replace

import pytest

from benchmarks.graph import run, suites
from benchmarks.graph.suites import SUITES, Cell
from models.graphs.schedule import GraphSchedule

DATA = "simulated:sessions=200,tracks=100,seed=1"


@pytest.fixture
def small(monkeypatch):
    cells = (
        Cell("lightgcn", "lightgcn", {"width": 8}, {}, "theirs .5"),
        Cell("lightgcn, hard", "lightgcn", {"width": 8}, {"negatives": "hard"}),
    )
    schedule = GraphSchedule(epochs=4, batch=0, draw="edges", supervision=0.3, learning_rate=0.05)
    suite = replace(SUITES["30music"], k=3, cells=cells, schedule=schedule, every=2, cutoffs=(9,))
    monkeypatch.setitem(suites.SUITES, "30music", suite)


def test_a_suite_is_trained_judged_and_written_and_not_trained_twice(small, tmp_path, capsys):
    arguments = [
        "--suite", "30music", "--data", DATA, "--seeds", "0,1", "--json",
        "--work", str(tmp_path / "work"), "--out", str(tmp_path),
    ]  # fmt: skip
    assert run.main([*arguments, "--minutes", "0"]) == 1
    assert run.main(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    first, second = result["rows"]
    assert first["difference"] is None
    gap = second["test"]["recall@9"]["mean"] - first["test"]["recall@9"]["mean"]
    low, high = second["difference"]["low"], second["difference"]["high"]
    assert low - 0.05 <= gap <= high + 0.05
    assert [len(rows) for rows in result["epochs"]["lightgcn"]] == [4, 4]
    assert 0 < result["popularity"]["recall@9"]["mean"] < 1
    table = (tmp_path / "graph_30music.md").read_text()
    assert "theirs .5" in table
    assert (tmp_path / "graph_30music.png").stat().st_size > 1000
    assert run.main([*arguments, "--minutes", "0"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == result["rows"]


def test_the_ablations_are_those_of_the_papers():
    names = [cell.name for cell in suites.SUITES["30music"].cells]
    assert len(set(names)) == len(names)
    for network in ("lightgcn", "gat", "gat+mlp", "sage"):
        for parts in ("", ", hard", ", learnable alpha", ", hard, learnable alpha"):
            assert f"{network}{parts}" in names
    published = [cell.name for cell in suites.SUITES["mpd"].cells if cell.published]
    assert len(published) == 4


def test_a_cell_that_is_not_there_is_refused(small):
    with pytest.raises(SystemExit, match="lightgcn, hard"):
        run.main(["--suite", "30music", "--data", DATA, "--cell", "transformer"])
