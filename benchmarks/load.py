"""An open-loop load and the clock on its answers, for benchmarks of time.

An event is due when the schedule says so, whatever became of those before it, and its latency
counts from then: a stall shows as latency and never as fewer events (no coordinated omission).
The collector is a process of its own, so that sending and timing do not wait for each other. Both
run aiokafka on uvloop: at 200 events/s kafka-python's threads took 3.4 ms of processor time for
each event that they sent and saw, these take 1.4, and a load must not be what is measured.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import random
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any, Self, TypeVar

import msgspec
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

T = TypeVar("T")

SESSIONS = 100  # under way at once
LENGTH = 20  # events of a session, the most that MSSD has; then another begins in its place


class _Id(msgspec.Struct):
    event_id: str


_id = msgspec.json.Decoder(_Id)


def events(tracks: Sequence[str], count: int, run: str) -> Iterator[tuple[str, str, bytes]]:
    """Make events of many sessions: event id, session id, and the PlaybackEvent as JSON."""
    rng = random.Random(run)
    # Each at another point of its length, so that they do not all end at once.
    played = [rng.randrange(LENGTH) for _ in range(SESSIONS)]
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    for number in range(count):
        place = rng.randrange(SESSIONS)
        event_id, session_id = f"{run}-{number}", f"{run}-{place}-{played[place] // LENGTH}"
        played[place] += 1
        skipped = rng.random() < 0.3
        event = {
            "session_id": session_id,
            "track_id": rng.choice(tracks),
            "event": "skip" if skipped else "play",
            "occurred_at": moment,
            "event_id": event_id,
            "seq": number,
        }
        if skipped:
            event["skip_strength"] = rng.randint(1, 3)
        yield event_id, session_id, json.dumps(event, separators=(",", ":")).encode()


class Sender:
    """Sends loads, one after the other, over one connection."""

    def __init__(self, bootstrap: str) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._producer = self._run(_started(bootstrap))

    def send(
        self, topic: str, load: Iterator[tuple[str, str, bytes]], rate: float
    ) -> dict[str, float]:
        """Send each event when it is due; gives when each was due, in seconds of time.monotonic."""
        return self._run(_send(self._producer, topic, load, rate))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._producer.stop())
        self._runner.close()


async def _started(bootstrap: str) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=0)
    await producer.start()
    return producer


async def _send(
    producer: AIOKafkaProducer,
    topic: str,
    load: Iterator[tuple[str, str, bytes]],
    rate: float,
) -> dict[str, float]:
    due, sent = {}, []
    begin = time.monotonic() + 0.1
    for number, (event_id, session_id, value) in enumerate(load):
        at = begin + number / rate
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        sent.append(await producer.send(topic, key=session_id.encode(), value=value))
        due[event_id] = at
    await asyncio.wait_for(asyncio.gather(*sent), timeout=30)
    return due


class Collector:
    """Notes when each answer on a topic arrives, from its end on."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        arguments = (bootstrap, topic, theirs)
        self._process = context.Process(target=_collect, args=arguments, daemon=True)
        self._process.start()
        if not self._ours.poll(60) or self._ours.recv() != "ready":
            raise RuntimeError(f"the collector of {topic} did not become ready within 60 s")

    def arrivals(self, wanted: int, timeout_s: float) -> dict[str, float]:
        """Give when each answer since the last call came first, once there are enough of them.

        Seconds of time.monotonic, which processes of one machine share.
        """
        self._ours.send((wanted, timeout_s))
        found: dict[str, float] = self._ours.recv()
        return found

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join(10)


@contextmanager
def collecting(bootstrap: str, topics: Sequence[str]) -> Iterator[Mapping[str, Collector]]:
    """One collector for each topic, for the length of a block."""
    collectors: dict[str, Collector] = {}
    try:
        for topic in topics:
            collectors[topic] = Collector(bootstrap, topic)
        yield collectors
    finally:
        for collector in collectors.values():
            collector.close()


def latencies(due: Mapping[str, float], arrivals: Mapping[str, float], warm_up: float) -> list[int]:
    """Microseconds from due to arrival, the first share `warm_up` left out; who is missing too."""
    counted = list(due)[int(len(due) * warm_up) :]
    return [round((arrivals[name] - due[name]) * 1e6) for name in counted if name in arrivals]


def _collect(bootstrap: str, topic: str, commands: Connection[Any, Any]) -> None:
    uvloop.run(_collecting(bootstrap, topic, commands))


async def _collecting(bootstrap: str, topic: str, commands: Connection[Any, Any]) -> None:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()  # with no group it takes every partition
    await consumer.seek_to_end()
    for partition in consumer.assignment():
        await consumer.position(partition)  # the seek is lazy
    commands.send("ready")
    arrivals: dict[str, float] = {}
    wanted, deadline = 0, float("inf")
    while True:
        batches = await consumer.getmany(timeout_ms=100)
        now = time.monotonic()
        for batch in batches.values():
            for record in batch:
                arrivals.setdefault(_id.decode(record.value).event_id, now)
        if commands.poll():
            wanted, seconds = commands.recv()
            deadline = time.monotonic() + seconds
        if wanted and (len(arrivals) >= wanted or time.monotonic() > deadline):
            commands.send(arrivals)
            arrivals, wanted = {}, 0
