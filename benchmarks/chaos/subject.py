"""A broker, topics, and one real worker: where bad models and bad inputs are met."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError

from infra.broker import BrokerError, embedded
from infra.clients import make_client
from infra.reader import reading
from infra.topics import Topics, create
from streams.findings import Findings
from streams.inspection import Inspection
from streams.settings import load_settings

from ..demo.processes import Child, Processes, segue
from ..demo.scrape import metrics, ready

PARTITIONS = 4
READY_SECONDS = 60.0
STUCK_SECONDS = 60.0

Progress = Callable[[str, int, int], None]


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

    def configure_events(self, config: Mapping[str, str]) -> None:
        """Change the events topic.

        Raises:
            BrokerError: the broker refuses.
        """
        try:
            with closing(make_client(KafkaAdminClient, self.bootstrap)) as admin:
                kind = ConfigResourceType.TOPIC
                admin.alter_configs([ConfigResource(kind, self.topics.events, configs=config)])
        except KafkaError as err:
            raise BrokerError(f"{self.topics.events} does not become {config}: {err}") from err

    def await_commits(self, progress: Progress) -> list[str]:
        """Wait until every offset is committed; give the partitions that stopped moving before."""
        group = f"{self.prefix}{self.settings.worker.group}"
        consumer = make_client(
            KafkaConsumer, self.bootstrap, group_id=group, enable_auto_commit=False
        )
        try:
            partitions = [TopicPartition(self.topics.events, n) for n in range(PARTITIONS)]
            ends = consumer.end_offsets(partitions)
            whole, last, moved = sum(ends.values()), -1, time.monotonic()
            while True:
                at = {p: consumer.committed(p) or 0 for p in partitions}
                done = sum(at.values())
                progress("answered and committed", done, whole)
                if all(at[p] >= ends[p] for p in partitions):
                    return []
                if done != last:
                    last, moved = done, time.monotonic()
                if self.crashed or time.monotonic() - moved > STUCK_SECONDS:
                    return [
                        f"partition {p.partition}: committed {at[p]} of {ends[p]}"
                        for p in partitions
                        if at[p] < ends[p]
                    ]
                time.sleep(0.5)
        finally:
            consumer.close(timeout_ms=2000)

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
