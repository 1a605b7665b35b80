"""Feeds an audit from Kafka, a little at a time, so that it can be shown while events flow.

It reads without a group and commits nothing; what counts is decided in audit.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from infra.broker import BrokerError
from infra.topics import Topics

from .audit import Audit, Tally


class AuditReader:
    """Feeds an audit from the topics' beginning on; whoever asks decides how often.

    Records of `others`, and those it audits itself, go to `on_record` as kafka-python has them, so
    that one consumer serves all who watch. Not safe for two threads, like the consumer.
    """

    def __init__(
        self,
        consumer: KafkaConsumer,
        topics: Topics,
        audit: Audit,
        others: Sequence[str] = (),
        on_record: Callable[[Any], None] = lambda record: None,
    ) -> None:
        """Assign every partition (`infra.reader.reading` makes a consumer).

        Raises:
            BrokerError: there is no such topic.
        """
        self.audit = audit
        self._consumer, self._on_record = consumer, on_record
        self._topics = topics
        self._partitions = [
            TopicPartition(topic, number)
            for topic in (topics.events, topics.recommendations, topics.dlq, *others)
            for number in _numbers(consumer, topic)
        ]
        consumer.assign(self._partitions)
        consumer.seek_to_beginning()

    def poll(self, timeout_ms: int = 200) -> int:
        """Take what there is, waiting at most so long for something; gives how many records."""
        batches = self._consumer.poll(timeout_ms=timeout_ms).values()
        for batch in batches:
            for record in batch:
                self._take(record)
        return sum(len(batch) for batch in batches)

    def drain(self, deadline: float) -> Tally:
        """Read until everything appended by now is read and nothing is missing, or the deadline.

        The deadline is of `time.monotonic`. Then one more look, for repeats that come late.
        """
        ends = self._consumer.end_offsets(self._partitions)
        while time.monotonic() < deadline:
            self.poll()
            read = all(self._consumer.position(p) >= ends[p] for p in self._partitions)
            if read and not self.audit.tally().missing:
                break
        self.poll()
        return self.audit.tally()

    def _take(self, record: Any) -> None:  # noqa: ANN401 - kafka-python has no types
        if record.topic == self._topics.events:
            self.audit.event(record.partition, record.offset, record.value, record.timestamp)
        elif record.topic == self._topics.recommendations:
            self.audit.recommendation(record.value)
        elif record.topic == self._topics.dlq:
            self.audit.dead_letter(record.headers)
        self._on_record(record)


def _numbers(consumer: KafkaConsumer, topic: str) -> list[int]:
    numbers = sorted(consumer.partitions_for_topic(topic) or ())
    if not numbers:
        raise BrokerError(f"topic {topic} does not exist: make it with `segue topics create`")
    return numbers
