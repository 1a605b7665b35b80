"""A hybrid has the network of the model before it, a second stage both; each is another ranker."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.quality.contestants import Task, contestants
from benchmarks.quality.suite import FOLDER, read_suite
from models.counting.standard import BASELINES
from models.data.sources import open_source
from models.evaluation.evaluate import evaluate
from models.recipe import prepare


def test_a_hybrid_shares_its_network_and_ranks_by_counts_too(tmp_path: Path) -> None:
    suite = read_suite(FOLDER / "mssd-mini.toml").chosen(("sasrec", "hybrid"))
    suite = replace(suite, models=suite.models[:2])
    prepared = prepare(open_source("simulated:sessions=150,tracks=100"))
    said: list[str] = []
    task = Task(prepared, 0, "next-track", tmp_path / "training", said.append)
    everyone = contestants(replace(suite.hastened()))
    assert [one.name for one in everyone] == [*BASELINES, "sasrec", "hybrid"]
    network, hybrid = (one.fit(task) for one in everyone[-2:])
    assert sum(line.startswith("epoch 1") for line in said) == 1  # it was trained once
    assert everyone[-1].network == everyone[-2].network != everyone[-1].config
    assert network.valid == hybrid.valid
    alone, both = evaluate([network.ranker, hybrid.ranker], prepared.valid, prepared.train.counts())
    assert (alone.model, both.model) == ("sasrec", "hybrid")
    assert np.mean(1 / both.ranks) > np.mean(1 / alone.ranks)


def test_a_second_stage_is_put_behind_what_its_line_says(tmp_path: Path) -> None:
    suite = read_suite(FOLDER / "mssd-mini.toml").chosen(("hybrid", "two-stage"))
    prepared = prepare(open_source("simulated:sessions=150,tracks=100"))
    said: list[str] = []
    task = Task(prepared, 0, "next-track", tmp_path / "training", said.append)
    hybrid, second = contestants(suite.hastened())[-2:]
    assert (hybrid.name, second.name) == ("hybrid", "two-stage")
    assert hybrid.network == second.network
    assert second.config == {**hybrid.config, "rerank": second.config["rerank"]}
    rankers = [contestant.fit(task).ranker for contestant in (hybrid, second)]
    assert sum(line.startswith("epoch 1") for line in said) == 1  # the network was trained once
    assert sum(line.startswith("second stage, epoch 1 ") for line in said) == 1
    before, after = evaluate(rankers, prepared.valid, prepared.train.counts())
    assert (before.model, after.model) == ("hybrid", "two-stage")
    assert not np.array_equal(before.ranks, after.ranks)
