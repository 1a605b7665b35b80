"""One run from the first process to the last: set up, play and disturb, heal, drain, judge."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.broker import BrokerError
from infra.reader import reading
from streams.findings import Findings
from streams.inspection import Inspection
from streams.settings import Settings

from ..demo.processes import Child, Processes
from ..demo.scrape import announced
from . import evidence, judge
from .bad_events import bad_events
from .crew import Crew, Ending
from .ground import Ground
from .judge import Acknowledged, Read
from .kinds import BURST, SKEWS
from .plan import Plan
from .players import Load, options
from .serving import Serving, end_of_learning
from .setting import TRACKS, Tell, not_ready, set_up, wait
from .timeline import Done, Timeline

_DRAIN_SECONDS = 180.0
_LEDGER_SECONDS = 120.0


@dataclass
class Outcome:
    """What a run came to."""

    done: list[Done]
    began: float  # the load, seconds since 1970
    findings: Findings
    ledger: list[Acknowledged]
    sent: int
    failed: int
    behind: float  # the longest that an event was sent after it was due, seconds
    found: Read
    crew: Crew
    stopped: list[Ending]
    drain_seconds: float
    serving: Serving | None  # where there was a fine-tune job
    silent: list[int]  # workers that did not answer again within two minutes of the healing


def play(plan: Plan, tell: Tell, each: Callable[[float, Crew], None] | None = None) -> Outcome:
    """Run a plan; whatever happens, no process is left. `each` is called all the time.

    Raises:
        BrokerError: something could not be started, or a broker did not come back.
    """
    folder = plan.directory.absolute()
    for left in ("run", "logs"):
        shutil.rmtree(folder / left, ignore_errors=True)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder / "run", ignore_errors=True)
        processes = stack.enter_context(Processes(folder / "logs"))
        ground = stack.enter_context(set_up(plan, folder / "run", processes, tell))
        ledger = folder / "run" / "ledger.json"
        load = _load(plan, ground)
        command = [sys.executable, "-m", "benchmarks.chaos.players", options(load), str(ledger)]
        players = processes.start("players", command)
        began = float(wait(lambda: announced(players, r"^begun (\S+)$"), players, "the players"))
        timeline = Timeline(ground, plan.faults, began, tell)
        with bad_events(ground.cluster.bootstrap, ground.topics.events) as send_bad:

            def on(second: float) -> None:
                send_bad(min(second, plan.seconds))
                if each is not None:
                    each(second, ground.crew)

            timeline.run(plan.seconds, on)
            tell(f"{time.time() - began:6.1f} s  healing and draining")
            healed = time.monotonic()
            ground.heal()
            said = _ledger(players, ledger, ground)
        silent = not_ready(ground)
        serving = None if ground.job is None else end_of_learning(ground)
        findings = _audit(ground, plan.settings)
        drain = time.monotonic() - healed
        tell(f"{time.time() - began:6.1f} s  drained; workers are asked to end")
        found = judge.read(ground.cluster.bootstrap, ground.topics)
        stopped = ground.crew.stop()
        if troubled := {fault.session_id for fault in findings.faults if fault.session_id}:
            file, changelog = folder / "logs" / "evidence.jsonl", plan.settings.changelog
            evidence.keep(ground.cluster.bootstrap, ground.topics, changelog, troubled, file)
            tell(f"events, lists and states of {len(troubled)} sessions in trouble: {file}")
        return Outcome(
            done=timeline.done,
            began=began,
            findings=findings,
            ledger=[Acknowledged(*entry) for entry in said["acknowledged"]],
            sent=said["sent"],
            failed=len(said["failed"]),
            behind=said["behind"],
            found=found,
            crew=ground.crew,
            stopped=stopped,
            drain_seconds=round(drain, 1),
            serving=serving,
            silent=silent,
        )


def _load(plan: Plan, ground: Ground) -> Load:
    bursts = [(f.second, f.end, BURST) for f in plan.faults if f.kind == "burst"]
    skews = [(f.second, f.end, SKEWS[f.target]) for f in plan.faults if f.kind == "clock-skew"]
    return Load(
        bootstrap=ground.cluster.bootstrap,
        topic=ground.topics.events,
        rate=plan.rate,
        seconds=plan.seconds,
        tracks=TRACKS,
        data="" if ground.job is None else f"parquet:{ground.job.base.stream}",
        seed=plan.seed,
        bursts=bursts,
        skews=skews,
    )


def _ledger(players: Child, file: Path, ground: Ground) -> dict[str, Any]:
    deadline = time.monotonic() + _LEDGER_SECONDS
    while not file.exists():
        if players.status is not None or time.monotonic() > deadline:
            raise BrokerError(f"the players did not come to an end:\n{players.tail()}")
        ground.crew.look()
        time.sleep(0.1)
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def _audit(ground: Ground, settings: Settings) -> Findings:
    with reading(ground.cluster.bootstrap) as consumer:
        inspection = Inspection(
            consumer, ground.topics, settings.changelog, settings.session.limits
        )
        return inspection.run(wait_seconds=_DRAIN_SECONDS)
