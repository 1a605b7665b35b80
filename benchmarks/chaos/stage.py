"""One run from the first process to the last: set up, play and disturb, heal, drain, judge."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.broker import BrokerError
from infra.reader import reading
from infra.topics import Topics, create
from streams.findings import Findings
from streams.inspection import Inspection
from streams.settings import Settings, load_settings

from ..demo.own_topics import date_lists
from ..demo.processes import Child, Processes, segue
from ..demo.scrape import announced
from . import disks, evidence, judge
from .bad_events import bad_events
from .cluster import ports_to_keep, running
from .crew import Crew, Ending, Worker
from .faults import Ground
from .judge import Acknowledged, Read
from .links import Links
from .players import Load, options
from .schedule import BURST, Fault, Shape
from .scraper import Scraper
from .timeline import Done, Timeline

PARTITIONS = 6
TRACKS = 1000
_ROOT = Path(__file__).parents[2]
_START_SECONDS = 120.0
_READY_SECONDS = 120.0
_DRAIN_SECONDS = 180.0
_LEDGER_SECONDS = 120.0

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is run."""

    faults: Sequence[Fault]
    seconds: float  # of load
    shape: Shape
    rate: float  # events a second
    seed: int
    directory: Path
    retention: int | None = None  # seconds that a silent session is kept; the setting's if None

    @property
    def settings(self) -> Settings:
        """The workers' settings, and so the audit's."""
        short = self.retention
        session = {"retention_seconds": short, "silence_seconds": short}
        return load_settings(session=session)


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
        ground = stack.enter_context(_set_up(plan, folder / "run", processes, tell))
        ledger = folder / "run" / "ledger.json"
        load = _load(plan, ground)
        command = [sys.executable, "-m", "benchmarks.chaos.players", options(load), str(ledger)]
        players = processes.start("players", command)
        began = float(_wait(lambda: announced(players, r"^begun (\S+)$"), players, "the players"))
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
        silent = _not_ready(ground)
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
            silent=silent,
        )


@contextmanager
def _set_up(plan: Plan, folder: Path, processes: Processes, tell: Tell) -> Iterator[Ground]:
    """Start cluster, proxy, model, workers; all of it is ready in the block."""
    shape, topics = plan.shape, Topics.named()
    filled = any(fault.kind == "disk-full" for fault in plan.faults)
    small = [folder / "kafka" / str(number) for number in range(1, shape.nodes + 1)]
    python = [sys.executable, "-m", "benchmarks.stand_in", str(folder / "bundle"), str(TRACKS)]
    model = processes.start("model", python, environment={"OMP_NUM_THREADS": "1"})
    proxies = ports_to_keep(shape.nodes)
    tell(f"starting {shape.nodes} brokers, {shape.workers} workers and a proxy between them")
    with disks.mounted(small if filled else []), running(folder / "kafka", proxies) as cluster:
        create(cluster.bootstrap, topics, PARTITIONS, cluster.replication)
        date_lists(cluster.bootstrap, topics)
        links = Links(processes, proxies, [broker.behind for broker in cluster.nodes])
        _wait(lambda: True if model.status == 0 else None, model, "the model")
        ports = ports_to_keep(shape.workers + 1)
        crew = Crew(
            [
                _worker(number, plan, folder, processes, links, port)
                for number, port in enumerate(ports[1:])
            ]
        )
        scraper = Scraper(processes, folder / "prometheus", ports[0], ports[1:])
        ground = Ground(cluster, crew, links, topics, scraper if shape.prometheus else None)
        if ground.scraper is not None:
            ground.scraper.start()
        for worker in crew.workers:
            worker.start()
        if silent := _not_ready(ground):
            words = crew.workers[silent[0]].last_words()
            raise BrokerError(f"worker {silent[0]} is not ready in {_READY_SECONDS:g} s:\n{words}")
        yield ground


def _worker(
    number: int, plan: Plan, folder: Path, processes: Processes, links: Links, port: int
) -> Worker:
    command = segue(
        "worker", "--bundle", folder / "bundle", "--models", folder / "models",
        "--bootstrap", links.bootstrap, "--metrics-port", str(port),
    )  # fmt: skip
    environment = {
        "SEGUE_TOPICS__REPLICATION": str(plan.shape.nodes),
        "SEGUE_WORKER__SESSION_TIMEOUT_SECONDS": str(plan.shape.session_timeout),
        "SEGUE_SESSION__RETENTION_SECONDS": str(plan.settings.session.retention_seconds),
        "SEGUE_SESSION__SILENCE_SECONDS": str(plan.settings.session.silence_seconds),
        "OMP_NUM_THREADS": "1",
        # It runs in a folder of its own, and must be of this very code.
        "PYTHONPATH": os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")])),
    }
    return Worker(number, processes, command, folder / f"worker-{number}", environment)


def _load(plan: Plan, ground: Ground) -> Load:
    bursts = [(f.second, f.end, BURST) for f in plan.faults if f.kind == "burst"]
    return Load(
        bootstrap=ground.cluster.bootstrap,
        topic=ground.topics.events,
        rate=plan.rate,
        seconds=plan.seconds,
        tracks=TRACKS,
        seed=plan.seed,
        bursts=bursts,
    )


def _wait(condition: Callable[[], object], child: Child, what: str) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while not (found := condition()):
        if child.status or time.monotonic() > deadline:
            raise BrokerError(f"{what} did not start; last lines:\n{child.tail()}")
        time.sleep(0.05)
    return str(found)


def _not_ready(ground: Ground) -> list[int]:
    """Wait until every worker answers; give those that did not in time."""
    deadline = time.monotonic() + _READY_SECONDS
    while not ground.crew.ready and time.monotonic() < deadline:
        ground.crew.look()
        ground.cluster.look()
        time.sleep(0.1)
    return [worker.number for worker in ground.crew.workers if not worker.ready]


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
