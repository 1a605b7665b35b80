"""A run from the command line's point of view: schedule, progress, report, picture, exit code."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from rich.console import Console

from ..machine import own_command, provenance, write_result
from . import disks, judge, kinds, scraper
from .kinds import KINDS, LEARNING, Shape
from .picture import picture
from .plan import Plan
from .recovery import recover
from .report import bars, kept, report
from .soak import Sampler, compared, flat
from .stage import Outcome, play

INTERRUPTED = 130


def shape(nodes: int, workers: int, session_timeout: float, *, learning: bool = False) -> Shape:
    """What can be disturbed on this machine."""
    there = (disks.possible(), scraper.program() is not None, learning)
    return Shape(nodes, workers, session_timeout, *there)


def run(
    plan: Plan, out: Path | None, drawing: Path | None, as_json: bool, *, soak: bool = False
) -> int:
    """Run a plan; 0 when the promise was kept, 1 when not, 130 after Ctrl-C.

    With `soak`, what the workers hold is sampled, and must be flat too.

    Raises:
        BrokerError: something could not be started, or did not come back.
    """
    console = Console(stderr=True, highlight=False)
    _announce(plan, console)
    sampler = Sampler()

    def tell(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    with ending_well():
        try:
            outcome = play(plan, tell, sampler.look if soak else None)
        except KeyboardInterrupt:
            console.print("stopped; every process is gone", style="yellow")
            return INTERRUPTED
    record = {**report(plan, outcome), **provenance(_command())}
    if soak:
        record["growth"] = compared(sampler.samples)
        record["samples"] = [list(one) for one in sampler.samples[:: 6 * plan.shape.workers]]
    if drawing is not None:
        drawing.write_text(_drawn(plan, outcome, record), encoding="utf-8")
        console.print(f"picture: {drawing}", soft_wrap=True)
    if out is not None:
        write_result(out, record)
        console.print(f"report: {out}", soft_wrap=True)
    if as_json:
        print(json.dumps(record))
    _summarise(record, plan, console)
    return 0 if kept(record) and (not soak or flat(record["growth"])) else 1


def _announce(plan: Plan, console: Console) -> None:
    size = plan.shape
    console.print(
        f"seed {plan.seed}: {len(plan.faults)} faults in {plan.seconds:g} s, {size.nodes} brokers, "
        f"{size.workers} workers, {plan.rate:g} events/s, "
        f"session timeout {size.session_timeout:g} s"
    )
    absent = sorted(set(KINDS) - set(kinds.kinds(size)) - (set() if size.learning else LEARNING))
    if absent:
        console.print(f"cannot be had here, and left out: {', '.join(absent)}", style="yellow")
    for fault in plan.faults:
        console.print(
            f"  {fault.second:6.1f} s  {fault.kind:17} {fault.target:12} {fault.seconds:5.1f} s"
        )


def _summarise(record: dict[str, Any], plan: Plan, console: Console) -> None:
    names = ("events", "answered", "dead_lettered", "missing", "repeats", "conflicting", "lost")
    console.print(", ".join(f"{name.replace('_', ' ')} {record[name]}" for name in names))
    sessions, latency = record["sessions"], record["latency_ms"]
    console.print(f"sessions: {sessions}; latency, ms: {latency}", soft_wrap=True)
    console.print(
        f"takeover, s: {record['takeover_seconds']}; drained in {record['drain_seconds']} s; "
        f"workers that ended by themselves: {len(record['ended_by_themselves'])}",
        soft_wrap=True,
    )
    if "learning" in record:
        console.print(f"learning: {record['learning']}", soft_wrap=True)
    for told in record.get("growth", []):
        console.print(f"worker {told['worker']}, minute five and end: {told}", soft_wrap=True)
    for note in record["notes"]:
        console.print(f"note: {note}", soft_wrap=True)
    for trouble in record["troubles"]:
        console.print(f"  {trouble}", style="red", markup=False, soft_wrap=True)
    for missed in bars(record):
        console.print(f"bar missed: {missed}", style="yellow", soft_wrap=True)
    console.print(f"logs: {plan.directory / 'logs'}", soft_wrap=True)
    verdict = "[bold green]kept" if kept(record) else "[bold red]not kept"
    console.print(f"{verdict}[/]  (seed {plan.seed})")


def _drawn(plan: Plan, outcome: Outcome, record: dict[str, Any]) -> str:
    points = [
        (at - outcome.began, seconds)
        for at, seconds in judge.latencies(outcome.ledger, outcome.found)
    ]
    faults = [{**fault, "lane": KINDS[fault["kind"]].lanes[0]} for fault in record["faults"]]
    verdict = "nothing missing" if kept(record) else "NOT KEPT"
    title = (
        f"segue chaos, seed {plan.seed}: {record['events']} events, {len(faults)} faults, {verdict}"
    )
    return picture(points, faults, title)


@contextmanager
def ending_well() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a run as Ctrl-C does, with all that it started."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def recovered(sessions: int, seed: int, directory: Path, out: Path | None, as_json: bool) -> int:
    """Time a recovery from the changelog; 0 when it had every session as the oracle has it.

    Raises:
        BrokerError: something could not be started, or did not come to an end.
    """
    console = Console(stderr=True, highlight=False)
    folder = directory.absolute()
    for left in ("bundle", "models", "logs"):
        shutil.rmtree(folder / left, ignore_errors=True)
    with ending_well():
        try:
            found = recover(sessions, folder, seed, console.print)
        except KeyboardInterrupt:
            return INTERRUPTED
    record = {**found, **provenance(_command())}
    if out is not None:
        write_result(out, record)
    if as_json:
        print(json.dumps(record))
    told = {name: record[name] for name in ("recovery_seconds", "sessions", "missing", "kept")}
    console.print(f"{told}", soft_wrap=True)
    return 0 if record["kept"] else 1


def _command() -> list[str]:
    """This command as another would repeat it: without the folder of its logs."""
    words = own_command()[1:]
    kept = [word for before, word in pairwise(["", *words]) if "--dir" not in (before, word)]
    return ["segue", *kept]
