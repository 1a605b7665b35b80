"""What a run came to: the ledger against the topics, takeover times, latency over time.

Pure but for `read`, which reads the two topics once. The promise itself is the audit's affair
(streams/inspection.py). Times are of two clocks of one machine: the players' and the brokers'.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
from kafka import TopicPartition

from infra.reader import read_between, reading
from infra.topics import Topics
from streams.events import Source

from .crew import Held
from .timeline import Done


class Acknowledged(NamedTuple):
    """An event that the brokers acknowledged, as the players' ledger has it."""

    event_id: str
    partition: int
    offset: int
    sent_at: float  # seconds since 1970


class _Event(msgspec.Struct):
    event_id: str = ""


class _Answer(msgspec.Struct):
    event_id: str
    source: Source
    model_version: str


_event = msgspec.json.Decoder(_Event)
_answer = msgspec.json.Decoder(_Answer)


@dataclass
class Read:
    """What the topics hold."""

    events: dict[tuple[int, int], str] = field(default_factory=dict)  # event id by place
    answered: dict[str, float] = field(default_factory=dict)  # first answer, seconds since 1970
    answers: dict[int, list[float]] = field(default_factory=dict)  # moments, by partition
    lists: Counter[str] = field(default_factory=Counter)  # how many, by model version


def read(bootstrap: str, topics: Topics) -> Read:
    """Read events and recommendations from the beginning to what is the end by now.

    Raises:
        BrokerError: no broker answers.
    """
    found = Read()
    with reading(bootstrap) as consumer:
        for topic in (topics.events, topics.recommendations):
            partitions = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)]
            starts = consumer.beginning_offsets(partitions)
            for record in read_between(consumer, starts, consumer.end_offsets(partitions)):
                at = record.timestamp / 1000
                if topic == topics.events:
                    found.events[record.partition, record.offset] = _id(record.value)
                else:
                    answer = _answer.decode(record.value)
                    found.answered[answer.event_id] = min(
                        at, found.answered.get(answer.event_id, at)
                    )
                    found.lists[answer.model_version] += 1
                    found.answers.setdefault(answer.source.partition, []).append(at)
    for moments in found.answers.values():
        moments.sort()
    return found


def lost(ledger: Iterable[Acknowledged], found: Read) -> list[Acknowledged]:
    """Events that were acknowledged and are not where they were said to be."""
    return [
        entry
        for entry in ledger
        if found.events.get((entry.partition, entry.offset)) != entry.event_id
    ]


def latencies(ledger: Iterable[Acknowledged], found: Read) -> list[tuple[float, float]]:
    """When each event was sent, and the seconds until the brokers had its first answer.

    What was sent twice counts from its first time.
    """
    sent: dict[str, float] = {}
    for entry in ledger:
        sent[entry.event_id] = min(entry.sent_at, sent.get(entry.event_id, entry.sent_at))
    return sorted(
        (at, max(0.0, found.answered[event_id] - at))
        for event_id, at in sent.items()
        if event_id in found.answered
    )


def takeover(done: Done, held: Sequence[Held], found: Read) -> float | None:
    """Seconds from a kill to the first answer on each of the worker's partitions by another.

    None where the worker had no partition, or no other took one of them before it came back.
    """
    assert done.began is not None
    number = int(done.fault.target.split()[1])
    mine = [one for one in held if one.worker == number and one.at <= done.began]
    if not mine or not mine[-1].partitions:
        return None
    seconds = []
    for partition in mine[-1].partitions:
        taken = (
            one.at
            for one in held
            if one.worker != number and one.at > done.began and partition in one.partitions
        )
        at = next(taken, None)
        moments = found.answers.get(partition, [])
        first = None if at is None else bisect_left(moments, at)
        if first is None or first == len(moments):
            return None
        seconds.append(moments[first] - done.began)
    return round(max(seconds), 2)


def _id(value: bytes | None) -> str:
    try:
        return _event.decode(value or b"").event_id
    except msgspec.DecodeError:
        return ""
