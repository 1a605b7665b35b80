"""How long a worker takes to end at SIGTERM under load, and what of its promise is left.

`segue bench sigterm`: a worker is started, answers, is asked to end, and is started again, round
after round, under one open-loop load. Then the audit counts. Exit code 1 when an end took longer
than the bar or was not clean, or an event is missing or was answered twice.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from infra.broker import BrokerError, embedded
from infra.reader import reading
from infra.topics import Topics, create
from streams.inspection import Inspection
from streams.settings import load_settings

from . import stand_in
from .demo.processes import Child, Processes, segue
from .demo.scrape import metrics, ready
from .load import Sender, events
from .machine import RESULTS, provenance, write_result

PARTITIONS = 4
TRACKS = 6000
BAR_SECONDS = 10.0


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and write the result; 1 when a bar is missed."""
    options = _options(arguments)
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="segue-sigterm-") as folder:
        seconds, codes, audit = _measure(options, Path(folder), console)
    result = {
        **provenance(),
        "rate": options.rate,
        "rounds": options.rounds,
        "exit_codes": sorted(set(codes)),
        "seconds": {"median": round(statistics.median(seconds), 2), "longest": max(seconds)},
        "bar": f"code 0 within {BAR_SECONDS:g} s, nothing missing, no repeats",
        "audit": {name: audit[name] for name in ("events", "answered", "missing", "repeats")},
        "kept": not (audit["missing"] or audit["conflicting"] or not audit["state_equal"]),
    }
    write_result(options.out, result)
    console.print_json(data={k: result[k] for k in ("exit_codes", "seconds", "audit", "kept")})
    console.print(f"written to {options.out}")
    clean = set(codes) == {0} and max(seconds) <= BAR_SECONDS
    return 0 if clean and result["kept"] and not audit["repeats"] else 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="segue bench sigterm", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--rate", type=float, default=300, help="events a second")
    parser.add_argument("--out", type=Path, default=RESULTS / "sigterm.json")
    return parser.parse_args(list(arguments))


def _measure(
    options: argparse.Namespace, folder: Path, console: Console
) -> tuple[list[float], list[int], dict[str, Any]]:
    """Give the seconds and codes of each end, and what the audit says of all of them."""
    bundle, topics, stop = folder / "bundle", Topics.named(), threading.Event()
    command: list[str | Path] = [sys.executable, "-m", "benchmarks.stand_in", bundle, str(TRACKS)]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    seconds, codes = [], []
    with embedded() as broker, Processes(folder) as processes:
        create(broker.bootstrap, topics, PARTITIONS, 1)
        serve = segue("worker", "--bundle", bundle, "--bootstrap", broker.bootstrap)

        def start(name: str) -> Child:
            worker = processes.start(name, [*serve, "--metrics-port", "0"])
            _until(lambda: ready(worker) and _answered(worker) > 0, worker)
            return worker

        load = threading.Thread(target=_load, args=(broker.bootstrap, topics, options.rate, stop))
        load.start()
        try:
            for number in range(options.rounds):
                worker = start(f"worker-{number}")
                began = time.monotonic()
                worker.terminate()
                while worker.status is None and time.monotonic() < began + 2 * BAR_SECONDS:
                    time.sleep(0.005)
                seconds.append(round(time.monotonic() - began, 2))
                codes.append(-1 if worker.status is None else worker.status)
                console.print(f"round {number + 1}: code {codes[-1]} after {seconds[-1]} s")
        finally:
            stop.set()
            load.join()
        start("last")
        with reading(broker.bootstrap) as consumer:
            settings = load_settings()
            audit = Inspection(consumer, topics, settings.changelog, settings.session.limits)
            return seconds, codes, audit.run(wait_seconds=60).record()


def _load(bootstrap: str, topics: Topics, rate: float, stop: threading.Event) -> None:
    """Send until told to stop, a second's worth at a time."""
    number = 0
    with Sender(bootstrap) as sender:
        while not stop.is_set():
            second = events(stand_in.track_ids(TRACKS), round(rate), f"second-{number}")
            sender.send(topics.events, second, rate)
            number += 1


def _answered(worker: Child) -> float:
    counted = metrics(worker).get("segue_events_total", [])
    return sum(value for labels, value in counted if labels["outcome"] == "answered")


def _until(condition: Callable[[], bool], worker: Child) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if worker.status is not None or time.monotonic() > deadline:
            raise BrokerError(f"the worker is not ready; its last lines:\n{worker.tail()}")
        time.sleep(0.05)
