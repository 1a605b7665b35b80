"""A real worker process on a real broker, and what the topics say of it afterwards."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from infra.reader import reading
from infra.topics import Topics
from streams.audit import Tally
from streams.events import PlaybackEvent, encode
from streams.findings import Findings
from streams.inspection import Inspection
from streams.settings import load_settings
from streams.states import States

ROOT = Path(__file__).parents[2]


class WorkerProcess:
    """`segue worker`, started, killed and started again; its log is kept in one file."""

    def __init__(self, bootstrap: str, prefix: str, log: Path, *args: str, **env: str) -> None:
        self.log = log
        self._command = [
            sys.executable, "-m", "cli.main", "worker",
            "--bootstrap", bootstrap, "--prefix", prefix, "--metrics-port", "0", *args,
        ]  # fmt: skip
        self._env = {
            **os.environ,
            "SEGUE_WORKER__SESSION_TIMEOUT_SECONDS": "2",
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(ROOT),
            **env,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self._seen = 0

    def start(self) -> None:
        self._seen = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, stdout=log, stderr=log, cwd=self.log.parent, env=self._env
            )

    @property
    def said(self) -> str:
        """What the process has logged since its last start."""
        with self.log.open("rb") as log:
            log.seek(self._seen)
            return log.read().decode(errors="replace")

    @property
    def metrics_url(self) -> str:
        """Where it serves metrics, as its log says."""
        line = next(line for line in self.said.splitlines() if "metrics at http" in line)
        return line.split("metrics at ")[1].strip()

    def metrics(self) -> str:
        with urllib.request.urlopen(self.metrics_url, timeout=5) as answer:
            text: bytes = answer.read()
        return text.decode()

    def ready(self) -> bool:
        try:
            url = self.metrics_url.replace("/metrics", "/ready")
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, StopIteration):
            return False

    def wait_ready(self, seconds: float = 40) -> None:
        wait_for(lambda: self.ready() or self._dead(), seconds, "the worker is ready", self)

    def _dead(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"worker ended with {self.process.returncode}:\n{self.said}")
        return False

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self, seconds: float = 20) -> int:
        """SIGTERM, then the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()


@contextmanager
def worker(
    bootstrap: str, prefix: str, folder: Path, *args: str, **env: str
) -> Iterator[WorkerProcess]:
    """A worker that is not started yet and certainly gone at the end."""
    process = WorkerProcess(bootstrap, prefix, folder / f"worker-{len(args)}.log", *args, **env)
    try:
        yield process
    finally:
        process.close()


def wait_for(condition, seconds: float, what: str, process: WorkerProcess | None = None) -> None:
    """Poll until it holds; fail with the worker's last words when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            said = f"\n{process.said[-4000:]}" if process else ""
            raise AssertionError(f"not within {seconds} s: {what}{said}")
        time.sleep(0.05)


@dataclass
class Players:
    """Sends events of many sessions at a steady rate, from a thread, until told to stop."""

    bootstrap: str
    topic: str
    tracks: list[str]
    rate: float = 200
    sessions: int = 60
    seed: int = 0
    sent: int = 0
    errors: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self.errors, self.errors

    def _run(self) -> None:
        rng = random.Random(self.seed)
        producer = KafkaProducer(bootstrap_servers=self.bootstrap, acks="all", linger_ms=0)
        futures = []
        try:
            began = time.monotonic()
            playing: dict[int, str] = {}
            while not self._stop.is_set():
                who = rng.randrange(self.sessions)
                event = _next_event(rng, self.tracks, playing, who, self.sent)
                key = event.session_id.encode()
                futures.append(producer.send(self.topic, key=key, value=encode(event)))
                self.sent += 1
                pause = began + self.sent / self.rate - time.monotonic()
                if pause > 0:
                    self._stop.wait(pause)
            producer.flush(30)
            for future in futures:
                future.get(30)
        except BaseException as err:
            self.errors.append(err)
        finally:
            producer.close()


def _next_event(
    rng: random.Random, tracks: list[str], playing: dict[int, str], who: int, number: int
) -> PlaybackEvent:
    track = playing.pop(who, None)
    if track is None or rng.random() < 0.1:
        track = rng.choice(tracks)
        kind = "start" if rng.random() < 0.5 else "play"
        if kind == "start":
            playing[who] = track
    else:
        kind = "skip" if rng.random() < 0.3 else "play"
    return PlaybackEvent(
        session_id=f"s{who}",
        track_id=track,
        event=kind,
        occurred_at=datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        event_id=f"e{number}",
        skip_strength=rng.choice((1, 2, 3)) if kind == "skip" else None,
    )


def read_all(bootstrap: str, topic: str) -> list[Any]:
    """Every record of a topic, partition by partition in order."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        partitions = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        records = []
        deadline = time.monotonic() + 60
        while any(consumer.position(p) < ends[p] for p in partitions):
            assert time.monotonic() < deadline, f"{topic} was not read to its end"
            for batch in consumer.poll(timeout_ms=500).values():
                records += batch
        return records
    finally:
        with suppress(Exception):
            consumer.close()


def audited(bootstrap: str, prefix: str, wait: float = 60) -> Findings:
    """What `segue audit` says of the default group, once nothing is missing or the wait is over."""
    settings = load_settings(topics={"prefix": prefix})
    with reading(bootstrap) as consumer:
        topics = Topics.named(prefix)
        limits = settings.session.limits
        return Inspection(consumer, topics, settings.changelog, limits).run(wait_seconds=wait)


def kept(found: Findings) -> Tally:
    """The tally of an audit that found every promise kept, in every session."""
    assert found.kept, "\n".join(map(str, [found.record(), *found.faults]))
    assert found.comparison.unknown == 0
    return found.tally


def states(bootstrap: str, prefix: str) -> States:
    """The sessions' records in the changelog of the default group."""
    found = States()
    for record in read_all(bootstrap, load_settings(topics={"prefix": prefix}).changelog):
        found.record(record.partition, record.key, record.value)
    return found


def all_answered(bootstrap: str, topics: Topics) -> bool:
    """Whether as many recommendations and dead letters are there as events, at the least."""
    given = _count(bootstrap, topics.recommendations) + _count(bootstrap, topics.dlq)
    return given >= _count(bootstrap, topics.events)


def _count(bootstrap: str, topic: str) -> int:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    try:
        partitions = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic)]
        return sum(consumer.end_offsets(partitions).values())
    finally:
        consumer.close()
