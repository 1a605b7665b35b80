"""Plays a schedule of events into Kafka and keeps the ledger of what the broker acknowledged.

Open loop: an event is due when the schedule says so, however slow the broker or the worker are, so
a stall shows as latency and never as fewer events (no coordinated omission).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from kafka import KafkaProducer
from kafka.errors import KafkaError
from kafka.producer.future import RecordMetadata

from infra.broker import BrokerError
from infra.clients import make_client
from infra.connection import Address, connection
from infra.topics import partition_counts

from .events import PlaybackEvent, encode
from .replay import Scheduled, stamped


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
    def outstanding(self) -> int:
        """Events neither acknowledged nor failed yet."""
        return self.sent - len(self.acknowledged) - len(self.failed)

    @property
    def rate(self) -> float:
        """Events sent a second."""
        return self.sent / self.seconds if self.seconds else 0.0


def play(
    scheduled: Iterable[Scheduled],
    *,
    bootstrap: Address,
    topic: str,
    stop: threading.Event | None = None,
    seconds: float = float("inf"),
    in_flight: int = 10_000,
    patience: float = 10.0,
    progress: Callable[[Ledger], None] = lambda ledger: None,
    stamp: Callable[[PlaybackEvent, float], PlaybackEvent] = stamped,
) -> Ledger:
    """Send each event when it is due until the schedule, `seconds` or `stop` ends it.

    At most `in_flight` events wait for their acknowledgement; `progress` is called after each send.
    `stamp` dates an event that is sent at a moment, as its player's clock has it. A broker that
    goes away later is no error: at the end, `patience` seconds without one more acknowledgement
    make what is left fail, and `Ledger.failed` holds it.

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
            wait = max(0.0, begin + at - time.monotonic())
            if at >= seconds or stop.wait(wait) or not _acquired(room, stop):
                break
            elapsed = time.monotonic() - begin
            if elapsed >= seconds + 1.0:  # far behind: the schedule's end came first
                break
            ledger.behind = max(ledger.behind, elapsed - at)
            now = time.time()
            record = stamp(event, now)
            future = producer.send(topic, key=record.session_id.encode(), value=encode(record))
            ledger.sent += 1
            future.add_both(_settled(ledger, room, record.session_id, record.id, now))
            progress(ledger)
        ledger.seconds = time.monotonic() - begin
        _await(ledger, patience)
    except KafkaError as err:
        raise BrokerError(f"sending to {topic} at {bootstrap} failed: {err}") from err
    finally:
        _close(producer, ledger)
    return ledger


def _producer(bootstrap: Address, topic: str) -> KafkaProducer:
    if not partition_counts(bootstrap, [topic]):
        raise BrokerError(f"no topic {topic} at {bootstrap}: make it with `segue topics create`")
    try:
        return make_client(
            KafkaProducer,
            bootstrap,
            acks="all",
            enable_idempotence=True,  # a retry neither doubles nor reorders a session's events
            allow_auto_create_topics=False,
            bootstrap_timeout_ms=10_000,
            max_block_ms=10_000,
        )
    except KafkaError as err:
        raise connection(bootstrap).refusal(err) from err


def _await(ledger: Ledger, patience: float) -> None:
    """Wait until every event is settled, or nothing has been for a while."""
    left, since = ledger.outstanding, time.monotonic()
    while left and time.monotonic() - since < patience:
        time.sleep(0.01)
        if ledger.outstanding < left:
            left, since = ledger.outstanding, time.monotonic()


def _close(producer: KafkaProducer, ledger: Ledger) -> None:
    """Close the producer; what no broker took by now fails and is noted in the ledger."""
    if ledger.outstanding:
        # close() flushes, and an idempotent producer that lost its broker never ends a flush, not
        # even by delivery_timeout_ms. Only its thread can fail what is left.
        producer._sender.force_close()
        producer._sender.join(10)
    producer.close(timeout=10)


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
