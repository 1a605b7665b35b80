"""From event to recommendation through Kafka, beside a bare Faust echo agent and Kafka alone.

`segue bench latency`: the three are asked in turn, round after round, by the same open-loop load,
so that a busy moment of the machine meets all of them; medians of the rounds count. The broker, the
load, the echo and the worker share the machine. The model is a stand-in of the default size, since
weights do not change how long it takes. Processor time stands beside the latency: it depends less
on who else is busy.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from infra.broker import BrokerError, embedded
from infra.topics import Topics, create

from . import stand_in
from .demo.figures import percentiles
from .demo.processes import Child, Processes, segue
from .demo.scrape import Metrics, metrics, ready
from .load import Collector, Sender, collecting, events, latencies
from .machine import RESULTS, provenance, write_result

PARTITIONS = 4
TRACKS = 6000  # in the catalog, about as many as the MSSD subset has
WARM_UP = 0.1  # of each round: the first events of a burst after silence are not counted
BAR = 2.0  # the most that p50 may be of the echo's


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and write the result; 1 when the bar is missed."""
    options = _options(arguments)
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="segue-latency-") as folder:
        rounds, stages = _measure(options, Path(folder), console)
    result = {
        **provenance(),
        "rate": options.rate,
        "seconds": options.seconds,
        "tracks": TRACKS,
        "median_of_rounds_ms": _medians(rounds),
        "ratio_to_echo": _ratios(rounds),
        "bar": f"p50 at most {BAR:g} times the echo's",
        "worker_stages_ms": stages,
        "rounds_ms": rounds,
    }
    write_result(options.out, result)
    Console().print(_table(result))
    told = ", ".join(f"{stage} {mean:g}" for stage, mean in stages.items())
    console.print(f"the worker's stages, mean ms: {told}")
    console.print(f"written to {options.out}")
    return 0 if result["ratio_to_echo"]["p50"] <= BAR else 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="segue bench latency", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=12, help="of each target in each round")
    parser.add_argument("--rate", type=float, default=200, help="events a second")
    parser.add_argument("--bundle", type=Path, help="serve this instead of a stand-in")
    parser.add_argument("--out", type=Path, default=RESULTS / "latency.json")
    return parser.parse_args(list(arguments))


def _measure(
    options: argparse.Namespace, folder: Path, console: Console
) -> tuple[dict[str, list[dict[str, float]]], dict[str, float]]:
    """Give the figures of every round by target, and the worker's mean time in each stage."""
    floor, echo, ours = (Topics.named(prefix) for prefix in ("floor.", "echo.", ""))
    targets = {  # where events go in and where answers come out
        "kafka": (floor.events, floor.events),
        "echo": (echo.events, echo.recommendations),
        "segue": (ours.events, ours.recommendations),
    }
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in targets}
    with embedded() as broker, Processes(folder) as processes:
        console.print("preparing: the topics, a model, the echo and the worker")
        for topics in (floor, echo, ours):
            create(broker.bootstrap, topics, PARTITIONS, 1)
        children = _start(options, folder, broker.bootstrap, echo, processes)
        outs = [out for _, out in targets.values()]
        with Sender(broker.bootstrap) as sender, collecting(broker.bootstrap, outs) as collectors:
            for number in range(options.rounds + 1):  # round 0 warms everything and is not counted
                for name, (into, out) in targets.items():
                    before = _cpu(children.get(name))
                    figures = _round(options, sender, into, collectors[out], f"{name}-{number}")
                    if before is not None:
                        used = (_cpu(children[name]) or 0) - before
                        figures["cpu_per_event"] = round(1000 * used / figures["events"], 3)
                    if number:
                        rounds[name].append(figures)
                    elif name == "segue":
                        warm = metrics(children[name])
                    told = ", ".join(f"{key} {value:g}" for key, value in figures.items())
                    console.print(f"round {number}: {name:6} {told}", soft_wrap=True)
            stages = _stages(warm, metrics(children["segue"]))
    return rounds, stages


def _stages(before: Metrics, after: Metrics) -> dict[str, float]:
    """Mean milliseconds of each stage, and events in a batch, between two readings."""

    def grown(name: str) -> dict[str, float]:
        old, new = (
            {labels.get("stage", ""): value for labels, value in reading[name]}
            for reading in (before, after)
        )
        return {stage: new[stage] - old.get(stage, 0.0) for stage in new}

    sums, counts = grown("segue_stage_seconds_sum"), grown("segue_stage_seconds_count")
    means = {stage: round(1000 * sums[stage] / counts[stage], 3) for stage in sums}
    size = grown("segue_batch_size_sum")[""] / grown("segue_batch_size_count")[""]
    return {**means, "events_in_a_batch": round(size, 2)}


def _start(
    options: argparse.Namespace, folder: Path, bootstrap: str, echo: Topics, processes: Processes
) -> dict[str, Child]:
    """Start echo and worker, and return when both have their partitions."""
    bundle = options.bundle or folder / "bundle"
    if options.bundle is None:
        command = [sys.executable, "-m", "benchmarks.stand_in", bundle, str(TRACKS)]
        subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    where = ("--bootstrap", bootstrap, "--metrics-port", "0")
    worker = processes.start("worker", segue("worker", "--bundle", bundle, *where))
    app = [sys.executable, "-m", "benchmarks.echo_app", bootstrap]
    app += [echo.events, echo.recommendations, str(PARTITIONS)]
    echoing = processes.start("echo", app)
    deadline = time.monotonic() + 60
    while not ready(worker):
        if worker.status is not None or time.monotonic() > deadline:
            raise BrokerError(f"the worker is not ready; its last lines:\n{worker.tail()}")
        time.sleep(0.1)
    return {"echo": echoing, "segue": worker}


def _cpu(child: Child | None) -> float | None:
    return None if child is None else child.cpu_seconds


def _round(
    options: argparse.Namespace,
    sender: Sender,
    topic: str,
    collector: Collector,
    run: str,
) -> dict[str, float]:
    """Send one load and time its answers; milliseconds, and how many were not answered."""
    load = events(stand_in.track_ids(TRACKS), round(options.rate * options.seconds), run)
    due = sender.send(topic, load, options.rate)
    # Round 0 also waits until the echo has its partitions, which it does not tell.
    arrivals = collector.arrivals(len(due), timeout_s=30)
    found = percentiles(latencies(due, arrivals, WARM_UP))
    if found is None:
        raise BrokerError(f"nothing that was sent to {topic} was answered within 30 s")
    figures = {name: round(value / 1000, 2) for name, value in found._asdict().items()}
    return {**figures, "events": len(due), "lost": len(due) - len(arrivals)}


def _medians(rounds: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    return {
        target: {
            key: round(statistics.median(figures[key] for figures in found), 3) for key in found[0]
        }
        for target, found in rounds.items()
    }


def _ratios(rounds: dict[str, list[dict[str, float]]]) -> dict[str, float]:
    """Median over the rounds of ours over the echo's, each taken within its own round."""
    pairs = list(zip(rounds["segue"], rounds["echo"], strict=True))
    return {
        key: round(statistics.median(ours[key] / echo[key] for ours, echo in pairs), 3)
        for key in ("p50", "p90", "p99", "cpu_per_event")
        if all(echo.get(key) for _, echo in pairs)
    }


def _table(result: dict[str, Any]) -> Table:
    rounds = len(result["rounds_ms"]["segue"])
    title = f"event to answer, {result['rate']:g} events/s, median of {rounds} rounds, ms"
    table = Table(title=title, title_justify="left")
    columns = ("p50", "p90", "p99", "cpu_per_event", "lost")
    table.add_column("")
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right")
    for target, figures in result["median_of_rounds_ms"].items():
        table.add_row(target, *(f"{figures[c]:g}" if c in figures else "" for c in columns))
    table.add_row("segue / echo", *(f"{result['ratio_to_echo'].get(c, '')}" for c in columns))
    return table
