"""Reads a topic without a consumer group: from given offsets to its end, or on and on.

For jobs that keep their own offsets (the learning loop, the model follower, the audits). Not for
the worker: its group, commits and rebalances are Faust's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from .broker import BrokerError
from .clients import make_client
from .connection import Address, connection
from .greeting import require_broker

_POLL_MS = 200
STALLED_SECONDS = 60.0
"""How long a broker may say nothing while there are records to read."""


class Record(NamedTuple):
    """One record, as raw as it lies in the log."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


class Slice(NamedTuple):
    """What was read, by partition and then offset, and where the next read begins."""

    records: list[Record]
    offsets: dict[int, int]


@contextmanager
def reading(bootstrap: Address) -> Iterator[KafkaConsumer]:
    """Open a consumer without group or commits; close it in the end.

    Raises:
        BrokerError: no broker answers, or one stops answering in the block.
    """
    require_broker(bootstrap)
    consumer = None
    try:
        consumer = make_client(
            KafkaConsumer,
            bootstrap,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            bootstrap_timeout_ms=10_000,
        )
        yield consumer
    except KafkaError as err:
        raise connection(bootstrap).refusal(err) from err
    finally:
        if consumer is not None:
            consumer.close(timeout_ms=2_000)


def assigned(
    consumer: KafkaConsumer, topic: str, since: Mapping[int, int] | None = None
) -> list[TopicPartition]:
    """Assign every partition of a topic and stand at `since`, or at its beginning.

    An offset that the log no longer has, or does not have yet (the topic was made anew), falls back
    to the beginning: records may be read again, but none is passed over.

    Raises:
        BrokerError: there is no such topic.
    """
    numbers = sorted(consumer.partitions_for_topic(topic))
    if not numbers:
        raise BrokerError(f"topic {topic} does not exist: make it with `segue topics create`")
    partitions = [TopicPartition(topic, number) for number in numbers]
    consumer.assign(partitions)
    first, end = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    for partition in partitions:
        wanted = (since or {}).get(partition.partition, 0)
        here = first[partition] <= wanted <= end[partition]
        consumer.seek(partition, wanted if here else first[partition])
    return partitions


def read_to_end(
    bootstrap: Address,
    topic: str,
    since: Mapping[int, int] | None = None,
    newest: int | None = None,
    timeout_s: float = 60.0,
) -> Slice:
    """Read from `since` (partition -> offset; else the beginning) to what is the end by now.

    With `newest`, about that many of the newest records at most, shared among the partitions.

    Raises:
        BrokerError: no broker, no topic, or the end was not reached within `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    with reading(bootstrap) as consumer:
        partitions = assigned(consumer, topic, since)
        ends = consumer.end_offsets(partitions)
        if newest is not None:
            for partition in partitions:
                least = ends[partition] - max(1, newest // len(partitions))
                if consumer.position(partition) < least:
                    consumer.seek(partition, least)
        found: list[Record] = []
        # Positions and not counts tell the end: compaction leaves holes among the offsets.
        while any(consumer.position(p) < ends[p] for p in partitions):
            if time.monotonic() > deadline:
                raise BrokerError(f"{topic} at {bootstrap}: end not reached in {timeout_s:g} s")
            for partition, batch in consumer.poll(timeout_ms=_POLL_MS).items():
                found += [
                    Record(r.partition, r.offset, r.key, r.value)
                    for r in batch
                    if r.offset < ends[partition]
                ]
    found.sort(key=lambda record: record[:2])
    return Slice(found, {partition.partition: ends[partition] for partition in partitions})


def read_between(
    consumer: KafkaConsumer,
    starts: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> Iterator[Any]:
    """Give the records of many partitions one by one, as kafka-python has them, and keep none.

    Each partition's from its start (inclusive) to its end (exclusive), in order; the partitions
    take turns.

    Raises:
        BrokerError: nothing came for STALLED_SECONDS, and an end is not reached.
    """
    left = [partition for partition, start in starts.items() if start < ends[partition]]
    consumer.assign(left)
    for partition in left:
        consumer.seek(partition, starts[partition])
    heard = time.monotonic()
    # Positions and not counts tell the end: compaction leaves holes among the offsets.
    while left:
        batches = consumer.poll(timeout_ms=_POLL_MS)
        for partition, batch in batches.items():
            heard = time.monotonic()
            yield from (record for record in batch if record.offset < ends[partition])
        going_on = [p for p in left if consumer.position(p) < ends[p]]
        if going_on and going_on != left:
            # Not pause(): what kafka-python 3.0.12 has fetched of a paused partition beyond its end
            # it may keep for ever after resume(), and then it never fetches that partition again.
            consumer.assign(going_on)
        left = going_on
        if left and time.monotonic() - heard > STALLED_SECONDS:
            at, end = consumer.position(left[0]), ends[left[0]]
            raise BrokerError(
                f"{left[0].topic} partition {left[0].partition}: nothing came for "
                f"{STALLED_SECONDS:g} s at offset {at} of {end}; has the partition a leader?"
            )
