"""What learning from skips gains: `segue bench skips --suite NAME`.

simulated   listeners whose skips carry taste by construction: the loss must gain there
variants    ways to tell SASRec of skips, on validation sessions of the MSSD subset
mssd-mini   the way that was chosen there against a plain model, on test sessions, three encoders
paper-3     table 1 of Seshadri & Knees (2023) by its own protocol
grid        α and β of their loss

Rows are trained one after another and kept, so that a run may be stopped at any time and go on.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.machine import RESULTS, provenance, write_result
from benchmarks.progress import say
from models.data.sources import open_source

from .rows import Answers, Ground, answers_of, kept_at
from .suite import Suite
from .suites import SUITES
from .tables import differences, markdown, records, verdicts


def main(arguments: Sequence[str]) -> int:
    """Run a suite; 0 when it is done and its bars are met, else 1."""
    options = _options(arguments)
    suite = SUITES[options.suite]
    suite = replace(
        suite, data=options.data or suite.data, seeds=options.seeds or suite.seeds
    ).only(options.rows)
    ground = Ground.read(open_source(suite.data))
    kept = _run(suite, ground, options.work, options.seconds)
    if kept is None:
        return 1
    command = ["segue", "bench", "skips", *arguments]
    result = {**provenance(command), **_result(suite, options.suite, ground, kept)}
    out = options.out or RESULTS / f"skips_{options.suite}.json"
    write_result(out, result)
    table = markdown(suite, result)
    out.with_suffix(".md").write_text(table, encoding="utf-8")
    print(json.dumps(result) if options.json else table)
    return 0 if all(verdict["met"] for verdict in result["verdicts"]) else 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="segue bench skips",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--suite", required=True, choices=sorted(SUITES))
    parser.add_argument("--data", help="NAME:PATH in place of the suite's own")
    parser.add_argument("--rows", type=lambda text: text.split(";"), help="some of them, by ;")
    parser.add_argument(
        "--seeds",
        type=lambda text: tuple(int(seed) for seed in text.split(",")),
        help="of split and training",
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(".segue/bench/skips"),
        help="where rows are kept; a kept row is taken whatever code made it, and says its commit",
    )
    parser.add_argument("--seconds", type=float, help="begin no further row after so long")
    parser.add_argument("--out", type=Path, help="JSON; a table in Markdown is written beside it")
    parser.add_argument("--json", action="store_true", help="print the JSON, not the table")
    return parser.parse_args(list(arguments))


def _run(
    suite: Suite, ground: Ground, work: Path, seconds: float | None
) -> dict[str, list[Answers]] | None:
    """Train what is not kept yet; None where `seconds` were over before all was."""
    began = time.monotonic()
    kept: dict[str, list[Answers]] = {row.name: [] for row in suite.rows}
    places = [(seed, row) for seed in suite.seeds for row in suite.rows]
    for number, (seed, row) in enumerate(places, start=1):
        told = f"seed {seed}, {row.name} ({number} of {len(places)})"
        path = kept_at(work, suite, row, seed)
        if not path.exists():
            if seconds is not None and time.monotonic() - began > seconds:
                say(f"{seconds:.0f} s are over before {told}; run it again to go on")
                return None
            answers_of(suite, row, seed, ground, partial(_say_of, told)).write(path)
        kept[row.name].append(Answers.read(path))
    return kept


def _result(
    suite: Suite, name: str, ground: Ground, kept: dict[str, list[Answers]]
) -> dict[str, Any]:
    compared = differences(suite, kept)
    return {
        "suite": name,
        "data": {"name": ground.name, "simulated": ground.simulated, "sha256": ground.sha256},
        "seeds": list(suite.seeds),
        "schedule": asdict(suite.schedule),
        "rows_are": [asdict(row) for row in suite.rows],
        "rows": records(suite, kept),
        "comparisons": compared,
        "verdicts": verdicts(suite.bars, compared),
    }


def _say_of(row: str, line: str) -> None:
    say(f"{row}: {line}")
