"""Navon & Andrade's table on data at hand: four inputs, three losses, and the most popular tracks.

Session-parallel training with Adagrad, next-track protocol, full ranking. Learning rate, batch and
L2 are chosen for each loss on the validation sessions; every cell then trains anew, and its test
figures are over equal, disjoint subsamples of the test sessions. A run may be given `--minutes`: it
ends in time, keeps its cells, and the same command goes on. The data has no content features, so
they are simulated (features.py), and labelled so.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.machine import RESULTS, provenance, write_result
from benchmarks.progress import say
from models.counting.baselines import MostPopular
from models.data.sources import open_source
from models.encoders.content import standardised
from models.evaluation.evaluate import evaluate
from models.evaluation.rankers import NeuralRanker
from models.evaluation.subsamples import subsampled
from models.questions import Ranker
from models.recipe import Prepared, prepare
from models.training.train import train

from .cells import INPUTS, LOSSES, PAPER, Cell, grid
from .features import COLUMNS, NEAR, NOISE, simulated_features
from .table import markdown

SUBSAMPLES = 5
FIGURES = ("recall@20", "mrr@20")


class Sitting:
    """Cells that are trained and judged one by one, and kept in a folder."""

    def __init__(self, prepared: Prepared, folder: Path, seed: int, deadline: float) -> None:
        self.prepared, self._folder, self._seed, self._deadline = prepared, folder, seed, deadline
        drawn = simulated_features(prepared.train, np.random.default_rng(seed))
        self._features = standardised(drawn)

    def trained(self, cell: Cell, *, judged: bool) -> dict[str, Any] | None:
        """Give a cell's outcome; None if it is not there and the time is over."""
        file = self._folder / f"{cell.key()}_{self._seed}.json"
        if file.exists():
            kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            return kept
        if time.monotonic() > self._deadline:
            return None
        config = cell.config(self.prepared.train.n_items)
        trained = train(
            self.prepared.train,
            self.prepared.valid,
            config,
            LOSSES[cell.loss],
            cell.schedule(),
            seed=self._seed,
            features=self._features if config.reads_content else None,
            device=torch.device("cpu"),
        )
        outcome = cell.record() | {
            "valid_mrr@20": max(trained.valid),
            "best_epoch": trained.best_epoch,
            "seconds": round(trained.seconds, 1),
        }
        if judged:
            outcome |= self.judged(NeuralRanker(trained.model))
        write_result(file, outcome)
        say(f"{cell.name}: rate {cell.rate}, batch {cell.batch}, L2 {cell.penalty}, validation "
             f"mrr@20 {outcome['valid_mrr@20']:.4f}, {outcome['seconds']:.0f} s")  # fmt: skip
        return outcome

    def judged(self, ranker: Ranker) -> dict[str, Any]:
        """Rank the test sessions."""
        test = self.prepared.parts.test.reindexed(self.prepared.train.track_ids)
        (found,) = evaluate([ranker], test, self.prepared.train.counts(), ranks_only=True)
        metrics = found.metrics()
        parts = subsampled(found, SUBSAMPLES)
        return {
            "test": {name: metrics[name] for name in FIGURES},
            "subsamples": {
                "count": parts["count"],
                "sessions": parts["sessions"],
                **{name: parts["metrics"][name] for name in FIGURES},
            },
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill the table; 0 when it is whole, 1 when the time was over before."""
    options = _options(arguments)
    source = open_source(options.data)
    prepared = prepare(source, seed=options.seed)
    deadline = time.monotonic() + 60 * options.minutes
    sitting = Sitting(prepared, options.work, options.seed, deadline)
    tried = {loss: [sitting.trained(cell, judged=False) for cell in grid(loss)] for loss in LOSSES}
    rows: list[dict[str, Any] | None] = [
        {"name": "most popular", **sitting.judged(MostPopular.fit(prepared.train))}
    ]
    for loss, outcomes in tried.items():
        known = [outcome for outcome in outcomes if outcome is not None]
        if len(known) < len(outcomes):
            return _unfinished(options)
        best = max(known, key=lambda outcome: float(outcome["valid_mrr@20"]))
        chosen = {name: best[name] for name in ("rate", "batch", "penalty")}
        rows += [
            sitting.trained(replace(Cell(inputs=inputs, loss=loss), **chosen), judged=True)
            for inputs in INPUTS
        ]
    whole = [row for row in rows if row is not None]
    if len(whole) < len(rows):
        return _unfinished(options)
    result = {
        **provenance(["segue", "bench", "paper4", *(arguments or sys.argv[3:])]),
        "data": {"name": source.name, "simulated": source.simulated},
        "features": {"simulated": True, "columns": COLUMNS, "near": NEAR, "noise": NOISE},
        "seed": options.seed,
        "sessions": {name: len(part) for name, part in prepared.parts._asdict().items()},
        "tracks": prepared.train.n_items,
        "rows": [
            row | {"paper": dict(zip(FIGURES, PAPER[row["name"]], strict=True))} for row in whole
        ],
        "grid": [outcome for outcomes in tried.values() for outcome in outcomes],
    }
    write_result(options.out, result)
    table = markdown(result)
    options.out.with_suffix(".md").write_text(table, encoding="utf-8")
    print(json.dumps(result) if options.json else table)
    return 0


def _unfinished(options: argparse.Namespace) -> int:
    say(f"the time is over; {options.work} keeps what is done, and the same command goes on")
    return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="segue bench paper4", description=__doc__)
    parser.add_argument("--data", default="mssd-mini:../shared/data/mssd-mini")
    parser.add_argument("--seed", type=int, default=0, help="of split, features and training")
    parser.add_argument("--minutes", type=float, default=600.0, help="no cell begins after them")
    parser.add_argument("--work", type=Path, default=Path(".segue/paper4"))
    parser.add_argument("--out", type=Path, default=RESULTS / "paper4.json")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)
