"""Asks the workers to forget a session, and sees whether they did: answer and tombstone.

The request is an event like any other, in the session's own partition, so it has its place among
the session's events and cannot be lost (docs/contracts.md, Forgetting).
"""

from __future__ import annotations

import time
import uuid
from typing import NamedTuple

import msgspec
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from infra.broker import BrokerError
from infra.clients import make_client
from infra.connection import Address, connection
from infra.reader import reading
from infra.topics import Topics, partition_counts

from .events import FORGET, PlaybackEvent, Recommendation, encode
from .recommendations import rfc3339

_decoder = msgspec.json.Decoder(Recommendation)


class Forgotten(NamedTuple):
    """What was seen of it."""

    event_id: str
    partition: int
    offset: int  # of the request in the events topic
    answered: bool  # by a worker that knows what `forget` means
    tombstone: bool  # in the changelog

    @property
    def done(self) -> bool:
        """Whether nothing of it is kept any more but what topics keep."""
        return self.answered and self.tombstone


def forget(
    address: Address, topics: Topics, changelog: str, session_id: str, timeout_s: float = 30.0
) -> Forgotten:
    """Send the request, and wait until a worker has answered it and written the tombstone.

    Raises:
        BrokerError: the broker is not there, has not the topics, or does not take the event.
    """
    counts = partition_counts(address, [topics.events, topics.recommendations, changelog])
    for name in (topics.events, topics.recommendations, changelog):
        if name not in counts:
            raise BrokerError(
                f"{address} has no topic {name}, so there is nothing to forget yet: are --prefix "
                "and --group those of the workers?"
            )
    event = PlaybackEvent(
        session_id=session_id,
        track_id="-",
        event=FORGET,
        event_id=f"forget-{uuid.uuid4()}",
        occurred_at=rfc3339(time.time() * 1000),
    )
    with reading(address) as consumer:
        watched = [
            TopicPartition(name, partition)
            for name in (topics.recommendations, changelog)
            for partition in range(counts[name])
        ]
        consumer.assign(watched)
        for partition, end in consumer.end_offsets(watched).items():
            consumer.seek(partition, end)
        place = _send(address, topics.events, event)
        answered, tombstone = _await(consumer, event, changelog, time.monotonic() + timeout_s)
    return Forgotten(event.id, *place, answered, tombstone)


def _send(address: Address, topic: str, event: PlaybackEvent) -> tuple[int, int]:
    try:
        producer = make_client(KafkaProducer, address, acks="all", bootstrap_timeout_ms=10_000)
    except KafkaError as err:
        raise connection(address).refusal(err) from err
    try:
        sent = producer.send(topic, key=event.session_id.encode(), value=encode(event)).get(10)
    except KafkaError as err:
        raise connection(address).refusal(err) from err
    finally:
        producer.close(timeout=2)
    return sent.partition, sent.offset


def _await(
    consumer: KafkaConsumer, event: PlaybackEvent, changelog: str, deadline: float
) -> tuple[bool, bool]:
    key = event.session_id.encode()
    answered = tombstone = False
    while not (answered and tombstone) and time.monotonic() < deadline:
        for partition, batch in consumer.poll(timeout_ms=200).items():
            for record in batch:
                if record.key != key:
                    continue
                if partition.topic == changelog:
                    tombstone = tombstone or record.value is None
                else:
                    answered = answered or _answers(record.value, event.id)
    return answered, tombstone


def _answers(value: bytes | None, event_id: str) -> bool:
    try:
        answer = _decoder.decode(value or b"")
    except msgspec.DecodeError:
        return False
    return answer.event_id == event_id and answer.fallback == "forgotten"
