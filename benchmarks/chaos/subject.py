"""A broker, topics, and one real worker: where bad models and bad inputs are met."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from infra.broker import BrokerError, embedded
from infra.reader import reading
from infra.topics import Topics, create
from streams.findings import Findings
from streams.inspection import Inspection
from streams.settings import load_settings

from ..demo.processes import Child, Processes, segue
from ..demo.scrape import metrics, ready

PARTITIONS = 4
READY_SECONDS = 60.0


class Subject:
    """A worker that answers, and what it and its topics say."""

    def __init__(self, bootstrap: str, prefix: str, worker: Child) -> None:
        self.bootstrap, self.prefix, self.worker = bootstrap, prefix, worker
        self.topics = Topics.named(prefix)
        self.settings = load_settings(kafka={"bootstrap": bootstrap}, topics={"prefix": prefix})

    def counted(self, name: str, label: str = "") -> dict[str, float]:
        """A counter of the worker's, by one label; {"": value} where it has none."""
        found = metrics(self.worker).get(name, ())
        return {labels.get(label, ""): value for labels, value in found}

    @property
    def crashed(self) -> bool:
        """Whether the worker has ended."""
        return self.worker.status is not None

    def memory_mib(self) -> float | None:
        """The worker's resident memory; None where the system does not tell."""
        try:
            pages = int(Path(f"/proc/{self.worker.pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            return None
        return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)

    def audited(self, wait_seconds: float = 60.0) -> Findings:
        """Audit every event; what `segue audit` does."""
        with reading(self.bootstrap) as consumer:
            limits = self.settings.session.limits
            return Inspection(consumer, self.topics, self.settings.changelog, limits).run(
                wait_seconds=wait_seconds
            )

    def require_alive(self) -> None:
        """Raise when the worker has ended.

        Raises:
            BrokerError: it has; its last lines.
        """
        if self.crashed:
            raise BrokerError(f"the worker ended: {self.worker.status}\n{self.worker.tail(30)}")


@contextmanager
def staged(
    bundle: Path, prefix: str, folder: Path, bootstrap: str | None = None
) -> Iterator[Subject]:
    """A worker of one's own, on topics of one's own, on a broker of one's own unless one is given.

    Raises:
        BrokerError: no broker, or the worker does not become ready.
    """
    with ExitStack() as running:
        if bootstrap is None:
            bootstrap = running.enter_context(embedded()).bootstrap
        create(bootstrap, Topics.named(prefix), PARTITIONS, 1)
        processes = running.enter_context(Processes(folder))
        command = segue(
            "worker", "--bundle", bundle, "--bootstrap", bootstrap, "--prefix", prefix,
            "--metrics-port", "0",
        )  # fmt: skip
        worker = processes.start("worker", command)
        deadline = time.monotonic() + READY_SECONDS
        while not ready(worker):
            if worker.status is not None or time.monotonic() > deadline:
                raise BrokerError(f"the worker is not ready; its last lines:\n{worker.tail()}")
            time.sleep(0.1)
        yield Subject(bootstrap, prefix, worker)


def stand_in_bundle(folder: Path, tracks: int) -> Path:
    """Make a bundle of the default network, untrained, in a process of its own (torch is there)."""
    out = folder / "stand-in"
    command = [sys.executable, "-m", "benchmarks.stand_in", str(out), str(tracks)]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return out
