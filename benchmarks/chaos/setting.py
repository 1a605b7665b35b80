"""Sets a run up: disks, brokers, proxy, model, workers, and a fine-tune job if one is asked for."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.broker import BrokerError
from infra.topics import Topics, create

from ..demo.own_topics import date_lists
from ..demo.processes import Child, Command, Processes, segue
from . import disks
from .base import Base, make_base
from .cluster import ports_to_keep, running
from .crew import Crew, Worker
from .ground import Ground
from .job import Job
from .links import Links
from .plan import Plan
from .scraper import Scraper

PARTITIONS = 6
TRACKS = 1000
_ROOT = Path(__file__).parents[2]
_START_SECONDS = 120.0
_READY_SECONDS = 120.0
_REGISTRY_MEGABYTES = 120

Tell = Callable[[str], None]


@contextmanager
def set_up(plan: Plan, folder: Path, processes: Processes, tell: Tell) -> Iterator[Ground]:
    """Start cluster, proxy, model, workers, and the job; workers are ready in the block.

    Raises:
        BrokerError: one of them does not start.
    """
    shape, topics = plan.shape, Topics.named()
    kinds = {fault.kind for fault in plan.faults}
    nodes = [folder / "kafka" / str(number) for number in range(1, shape.nodes + 1)]
    root = folder / "models"
    ports = ports_to_keep(shape.workers * shape.nodes)
    proxies = [ports[number :: shape.workers] for number in range(shape.workers)]
    tell(f"starting {shape.nodes} brokers, {shape.workers} workers and a proxy between them")
    with (
        disks.mounted([root] if "models-disk-full" in kinds else [], _REGISTRY_MEGABYTES),
        disks.mounted(nodes if "disk-full" in kinds else []),
    ):
        base = _learning(processes, root, folder, tell) if shape.learning else None
        bundle = _stand_in(processes, folder) if base is None else base.bundle
        with running(folder / "kafka", proxies) as cluster:
            create(cluster.bootstrap, topics, PARTITIONS, cluster.replication)
            date_lists(cluster.bootstrap, topics)
            behind = [[broker.behind[n] for broker in cluster.nodes] for n in range(shape.workers)]
            links = Links(processes, proxies, behind)
            ports = ports_to_keep(shape.workers + 1)
            command = segue("worker", "--bundle", bundle, "--models", root)
            crew = Crew(
                [
                    _worker(number, plan, folder, processes, [*command, *_at(links, number, port)])
                    for number, port in enumerate(ports[1:])
                ]
            )
            ground = Ground(cluster, crew, links, topics)
            if shape.prometheus:
                ground.scraper = Scraper(processes, folder / "prometheus", ports[0], ports[1:])
                ground.scraper.start()
            for worker in crew.workers:
                worker.start()
            if silent := not_ready(ground):
                words = crew.workers[silent[0]].last_words()
                raise BrokerError(
                    f"worker {silent[0]} is not ready in {_READY_SECONDS:g} s:\n{words}"
                )
            if base is not None:
                ground.job = Job(processes, base, cluster.bootstrap)
                ground.job.start()
            yield ground


def _learning(processes: Processes, root: Path, folder: Path, tell: Tell) -> Base:
    tell("training a small base model that the fine-tune job goes on from")
    return make_base(processes, root, folder)


def _stand_in(processes: Processes, folder: Path) -> Path:
    bundle = folder / "bundle"
    command = [sys.executable, "-m", "benchmarks.stand_in", str(bundle), str(TRACKS)]
    model = processes.start("model", command, environment={"OMP_NUM_THREADS": "1"})
    wait(lambda: True if model.status == 0 else None, model, "the model")
    return bundle


def _at(links: Links, number: int, port: int) -> Command:
    return ["--bootstrap", links.bootstrap(number), "--metrics-port", str(port)]


def _worker(
    number: int, plan: Plan, folder: Path, processes: Processes, command: Command
) -> Worker:
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


def wait(condition: Callable[[], object], child: Child, what: str) -> str:
    """Wait for something that a child is to do. Raises BrokerError when it is not done in time."""
    deadline = time.monotonic() + _START_SECONDS
    while not (found := condition()):
        if child.status or time.monotonic() > deadline:
            raise BrokerError(f"{what} did not start; last lines:\n{child.tail()}")
        time.sleep(0.05)
    return str(found)


def not_ready(ground: Ground) -> list[int]:
    """Wait until every worker answers; give those that did not in time."""
    deadline = time.monotonic() + _READY_SECONDS
    while not ground.crew.ready and time.monotonic() < deadline:
        ground.crew.look()
        ground.cluster.look()
        time.sleep(0.1)
    return [worker.number for worker in ground.crew.workers if not worker.ready]
