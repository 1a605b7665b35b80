"""Quality of graph networks: every cell of a suite, trained and judged alike, for every seed.

A run may be given `--minutes`: it ends in time, keeps its cells and where the one at hand stands,
and the same command goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.machine import RESULTS, commit, provenance, write_result, write_text
from benchmarks.progress import say
from models.data.playlist_sources import open_playlists

from .report import curves, markdown, rows_of
from .sitting import Outcome, Sitting
from .suites import SUITES

WORK = Path(".segue/graph-bench")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a suite; 0 when every cell is there, 1 when the time was over before."""
    options = _options(arguments)
    suite = SUITES[options.suite]
    if options.quick:
        suite = suite.quicker()
    cells = [cell for cell in suite.cells if not options.cell or options.cell in cell.name]
    if not cells:
        raise SystemExit(f"no cell's name holds {options.cell!r}; there are "
                         f"{[cell.name for cell in suite.cells]}")  # fmt: skip
    folder = Path(os.environ.get("SEGUE_DATA", "../shared/data")) / suite.folder
    source = open_playlists(options.data or f"{suite.folder}:{folder}")
    sitting = Sitting(suite, *source.load(), options.work, say)
    seeds = [0] if options.quick else [int(seed) for seed in options.seeds.split(",")]
    deadline, code = time.monotonic() + 60 * options.minutes, commit()
    found: dict[str, list[Outcome]] = {}
    missing = 0
    for seed in seeds:
        for cell in cells:
            outcome = sitting.outcome(cell, seed, code, deadline)
            if outcome is None:
                missing += 1
            else:
                found.setdefault(cell.name, []).append(outcome)
    if missing:
        say(f"{missing} trainings are left: give the same command again")
        return 1
    prepared = sitting.prepared(seeds[0])
    cutoffs = sitting.cutoffs(prepared.split.train.n_tracks)
    popular = [sitting.popularity(seed) for seed in seeds]
    result: dict[str, Any] = {
        **provenance(),
        "suite": suite.name,
        "data": source.spec,
        "published_on": suite.published_on,
        "quick": options.quick,
        "seeds": seeds,
        "k": prepared.k,
        "sizes": prepared.sizes,
        "cutoffs": cutoffs,
        "schedule": asdict(suite.schedule),
        "commits": sorted({o.told["commit"] for outcomes in found.values() for o in outcomes}),
        "popularity": {
            name: {"mean": sum(one[name] for one in popular) / len(popular)} for name in popular[0]
        },
        "rows": rows_of(found, {cell.name: cell.published for cell in cells}, cutoffs),
        "epochs": {name: [o.told["epochs"] for o in outcomes] for name, outcomes in found.items()},
    }
    out = options.out or (WORK if options.quick or options.cell or options.data else RESULTS)
    stem = out / f"graph_{suite.name}{'_quick' if options.quick else ''}"
    shown = (f"recall@{cutoffs[0]}", "loss", "roc_auc")
    write_result(stem.with_suffix(".json"), {**result, "epochs": _thinned(found, shown)})
    write_text(stem.with_suffix(".md"), markdown(result))
    stem.with_suffix(".png").write_bytes(curves(found, f"recall@{cutoffs[0]}"))
    print(json.dumps(result) if options.json else markdown(result))
    return 0


def _thinned(found: Mapping[str, Sequence[Outcome]], shown: Sequence[str]) -> dict[str, Any]:
    """Keep of long trainings the curves: epochs that were judged, and their figures, by columns."""
    curves_of: dict[str, list[dict[str, list[float]]]] = {}
    for name, outcomes in found.items():
        for outcome in outcomes:
            judged = [row for row in outcome.told["epochs"] if row["metrics"]]
            columns = {"epoch": [row["epoch"] for row in judged]}
            columns["training loss"] = [round(row["loss"], 4) for row in judged]
            for figure in shown:
                columns[figure] = [round(row["metrics"][figure], 4) for row in judged]
            curves_of.setdefault(name, []).append(columns)
    return curves_of


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="segue bench graph", description=__doc__)
    parser.add_argument("--suite", choices=sorted(SUITES), required=True)
    parser.add_argument("--data", help="other data, NAME:PATH; else $SEGUE_DATA or ../shared/data")
    parser.add_argument("--cell", help="only cells whose name holds this")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--quick", action="store_true", help="one seed and few epochs")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop in time")
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--out", type=Path, help="a folder; benchmarks/results for a full run")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)
