"""The table of paper 4, small: features that know what goes together, cells that are kept."""

import json

import numpy as np
import pytest

from benchmarks.paper4 import cells, run
from benchmarks.paper4.features import COLUMNS, simulated_features
from benchmarks.paper4.table import agreement
from models.sessions import packed

DATA = "simulated:sessions=120,tracks=100,seed=1"


def test_what_is_played_together_has_like_features_and_less_so_with_noise():
    words = ["abcd", "dcba", "bdac", "wxyz", "zyxw", "xzwy"] * 5
    plays = [(f"s{i}", [(letter, 1) for letter in word]) for i, word in enumerate(words)]
    train = packed(plays, [*"abcdwxyz"])

    def likeness(noise: float) -> float:
        """How much more alike within the two groups than across them, by the mean cosine."""
        values = simulated_features(train, np.random.default_rng(0), noise)
        assert values.shape == (8, COLUMNS)
        unit = values / np.linalg.norm(values, axis=1, keepdims=True)
        cosine = unit @ unit.T
        return float(cosine[:4, :4].mean() - cosine[:4, 4:].mean())

    assert likeness(0.0) > likeness(1.5) > 0


def test_the_paper_has_a_figure_for_every_row():
    names = {f"{inputs} {loss}" for inputs in cells.INPUTS for loss in cells.LOSSES}
    assert set(cells.PAPER) == names | {"most popular"}


def test_agreement_counts_pairs_in_the_papers_order():
    def row(theirs: float, ours: float) -> dict[str, dict[str, float]]:
        return {"paper": {"recall@20": theirs}, "test": {"recall@20": ours}}

    assert agreement([row(0.3, 0.9), row(0.2, 0.5), row(0.1, 0.7)]) == (2, 3)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(cells, "EPOCHS", 1)
    monkeypatch.setattr(cells, "WIDTH", 8)
    for name in ("RATES", "BATCHES", "PENALTIES"):
        monkeypatch.setattr(cells, name, getattr(cells, name)[:1])


def test_the_whole_table_is_written_and_a_second_run_trains_nothing(small, tmp_path, capsys):
    arguments = ["--data", DATA, "--work", f"{tmp_path}/work", "--out", f"{tmp_path}/t.json"]
    assert run.main([*arguments, "--minutes", "0"]) == 1
    assert "the same command goes on" in capsys.readouterr().err
    assert run.main([*arguments, "--json"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert [row["name"] for row in result["rows"]] == list(cells.PAPER)[:1] + [
        f"{inputs} {loss}" for loss in cells.LOSSES for inputs in cells.INPUTS
    ]
    assert result["features"]["simulated"]
    assert "| content-mlp bpr-max |" in (tmp_path / "t.md").read_text()
    assert run.main([*arguments, "--minutes", "0"]) == 0
    assert capsys.readouterr().err == ""
