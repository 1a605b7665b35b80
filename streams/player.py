"""Plays a schedule of events into Kafka and keeps the ledger of what the broker acknowledged.

Open loop: an event is due when the schedule says so, however slow the broker or the worker are, so
a stall shows as latency and never as fewer events (no coordinated omission).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from kafka import KafkaProducer
from kafka.errors import KafkaError
from kafka.producer.future import RecordMetadata

from infra.broker import BrokerError

from .events import encode
from .replay import Scheduled, stamped

_FLUSH_SECONDS: Final = 30.0


class Acknowledged(NamedTuple):
    """One event that the broker has: where it lies and when it was handed to the producer."""

    session_id: str
    event_id: str
    partition: int
    offset: int
    sent_at: float  # seconds since 1970


@dataclass
class Ledger:
    """What happened to every event that was handed to the producer."""

    sent: int = 0
    acknowledged: list[Acknowledged] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)  # (event_id, reason)
    seconds: float = 0.0
    behind: float = 0.0  # the longest that an event was sent after it was due, seconds

    @property
    def rate(self) -> float:
        """Events sent a second."""
        return self.sent / self.seconds if self.seconds else 0.0


def play(
    scheduled: Iterable[Scheduled],
    *,
    bootstrap: str,
    topic: str,
    stop: threading.Event | None = None,
    seconds: float = float("inf"),
    in_flight: int = 10_000,
    progress: Callable[[Ledger], None] = lambda ledger: None,
) -> Ledger:
    """Send each event when it is due until the schedule, `seconds` or `stop` ends it.

    At most `in_flight` events wait for their acknowledgement; `progress` is called after each send.

    Raises:
        BrokerError: no broker answers at `bootstrap`, or it does not have the topic.
    """
    stop = stop or threading.Event()
    ledger = Ledger()
    producer = _producer(bootstrap, topic)
    room = threading.Semaphore(in_flight)
    begin = time.monotonic()
    try:
        for at, event in scheduled:
            if at >= seconds or stop.wait(max(0.0, begin + at - time.monotonic())):
                break
            if not _acquired(room, stop):
                break
            ledger.behind = max(ledger.behind, time.monotonic() - begin - at)
            now = time.time()
            record = stamped(event, now)
            future = producer.send(topic, key=record.session_id.encode(), value=encode(record))
            ledger.sent += 1
            future.add_both(_settled(ledger, room, record.session_id, record.id, now))
            progress(ledger)
        ledger.seconds = time.monotonic() - begin
        producer.flush(timeout=_FLUSH_SECONDS)
    except KafkaError as err:
        raise BrokerError(f"sending to {topic} at {bootstrap} failed: {err}") from err
    finally:
        producer.close(timeout=1)
    return ledger


def _producer(bootstrap: str, topic: str) -> KafkaProducer:
    producer = None
    try:
        producer = KafkaProducer(
            bootstrap_servers=bootstrap,
            acks="all",
            enable_idempotence=True,  # a retry neither doubles nor reorders a session's events
            allow_auto_create_topics=False,
            bootstrap_timeout_ms=10_000,
            max_block_ms=10_000,
        )
        producer.partitions_for(topic)
    except KafkaError as err:
        if producer is None:
            message = (
                f"no Kafka broker answers at {bootstrap}: start one (segue kafka up) or name it"
            )
        else:
            producer.close(timeout=0)
            message = f"no topic {topic} at {bootstrap}: make it with `segue topics create`"
        raise BrokerError(f"{message} ({type(err).__name__}: {err})") from err
    return producer


def _acquired(room: threading.Semaphore, stop: threading.Event) -> bool:
    """Wait for room in flight; False when asked to stop meanwhile."""
    while not room.acquire(timeout=0.1):
        if stop.is_set():
            return False
    return True


def _settled(
    ledger: Ledger, room: threading.Semaphore, session_id: str, event_id: str, sent_at: float
) -> Callable[[RecordMetadata | BaseException], None]:
    """The producer thread calls this once for each event: with its metadata, or with an error."""

    def settle(result: RecordMetadata | BaseException) -> None:
        if isinstance(result, BaseException):
            ledger.failed.append((event_id, f"{type(result).__name__}: {result}"))
        else:
            entry = Acknowledged(session_id, event_id, result.partition, result.offset, sent_at)
            ledger.acknowledged.append(entry)
        room.release()

    return settle
