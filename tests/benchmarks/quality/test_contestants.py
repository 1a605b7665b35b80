"""A hybrid has the network of the model before it, and is another ranker."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.quality.contestants import Task, contestants
from benchmarks.quality.suite import FOLDER, read_suite
from models.data.sources import open_source
from models.evaluate import evaluate
from models.recipe import prepare
from models.standard import BASELINES


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
