"""`segue bench quality`: run a suite, print its table or JSON, write the report.

Each outcome is kept in the work folder as soon as it is there, so a run that was interrupted goes
on where it stood.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.digests import code_digest
from benchmarks.machine import RESULTS, commit, provenance
from benchmarks.progress import say

from .comparisons import comparisons
from .data import Data, suite_source
from .outcome import Outcome
from .report import write_report
from .sitting import sit
from .suite import FOLDER, read_suite, suite_names
from .work import CODE, Work

SEEDS = (0, 1, 2)


def main(arguments: Sequence[str]) -> int:
    """Run a suite; 0 when it is done."""
    options = _options(arguments)
    whole = read_suite(FOLDER / f"{_suite_name(options)}.toml").chosen(options.models)
    suite = whole.hastened() if options.quick else whole
    seeds = options.seeds or ((0,) if options.quick else SEEDS)
    source = suite_source(suite, options.data)
    say(f"{suite.name}: reading {source.spec}")
    data = Data.read(source)
    if data.name != suite.data:
        suite = replace(suite, title=f"{data.name}, asked as by the suite {suite.name}")
    work = Work(options.work / suite.name, code_digest(CODE), any_code=options.any_code)
    outcomes = sit(suite, data, seeds, work, quick=options.quick, commit=commit(), say=say)
    say(f"{suite.name}: comparing {len(outcomes)} outcomes")
    contract = {
        "suite": suite.name,
        "data": {"name": data.name, "sha256": data.sha256, "simulated": data.simulated},
        "rows": [row for outcome in outcomes for row in outcome.rows()],
        "comparisons": comparisons(outcomes, suite.compared, same_test=suite.same_test),
    }
    command = ["segue", "bench", "quality", *arguments]
    result = {**provenance(command), **_told(options, seeds, outcomes), **contract}
    published = data.name == suite.data and not options.quick and options.models is None
    home = RESULTS if published else options.work
    out = options.out or home / f"quality_{suite.name}.json"
    table = write_report(out, suite, result, outcomes)
    print(json.dumps(contract) if options.json else table)
    say(f"{suite.name}: written to {out}, and beside it as .md, .html and .png")
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="segue bench quality", description=__doc__)
    add = parser.add_argument
    add("--suite", choices=suite_names(), help="which one; by the name of --data if not given")
    add("--data", help="NAME:PATH, as for segue train; the suite's own if not given")
    add("--seeds", type=_seeds, help="of split and training; 0,1,2 if not given")
    add("--quick", action="store_true", help="minutes: one seed, and less of everything")
    add("--models", type=_words, help="names or architectures, a,b; baselines always run")
    add("--json", action="store_true", help="print JSON, and nothing else, on stdout")
    add("--out", type=Path, help="the JSON file; Markdown, page and picture lie beside it")
    add("--work", type=Path, default=Path(".segue/quality"), help="where outcomes are kept")
    add("--any-code", action="store_true", help="take kept outcomes that other code made, too")
    options = parser.parse_args(list(arguments))
    if options.suite is None and options.data is None:
        parser.error(f"give --suite ({', '.join(suite_names())}) or --data NAME:PATH")
    return options


def _suite_name(options: argparse.Namespace) -> str:
    """Choose the suite that was asked for, or the data's own; the first of all suits any data."""
    if options.suite is not None:
        return str(options.suite)
    own = options.data.partition(":")[0]
    return own if own in suite_names() else "mssd-mini"


def _told(
    options: argparse.Namespace, seeds: Sequence[int], outcomes: Sequence[Outcome]
) -> dict[str, Any]:
    """Say of a run what the contract does not."""
    return {
        "commits": sorted({outcome.commit for outcome in outcomes}),
        "quick": options.quick,
        "seeds": list(seeds),
        "curves": [
            {"model": o.model, "seed": o.seed, "losses": o.losses, "valid": o.valid}
            for o in outcomes
            if o.losses
        ],
    }


def _seeds(text: str) -> tuple[int, ...]:
    found = tuple(int(seed) for seed in text.split(","))
    if len(set(found)) < len(found) or min(found) < 0:
        raise argparse.ArgumentTypeError(f"{text}: expected different numbers, like 0,1,2")
    return found


def _words(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))
