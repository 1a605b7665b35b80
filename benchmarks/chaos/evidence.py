"""What the topics hold about sessions in trouble, kept beside the logs for when they are gone."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from kafka import TopicPartition

from infra.reader import read_between, reading
from infra.topics import Topics


def keep(
    bootstrap: str, topics: Topics, changelog: str, sessions: Collection[str], file: Path
) -> None:
    """Write every event, list and state of these sessions, one JSON object a line.

    Raises:
        BrokerError: no broker answers.
    """
    wanted = {session.encode() for session in sessions}
    with reading(bootstrap) as consumer, file.open("w", encoding="utf-8") as out:
        for topic in (topics.events, changelog, topics.recommendations, topics.dlq):
            partitions = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)]
            starts = consumer.beginning_offsets(partitions)
            for record in read_between(consumer, starts, consumer.end_offsets(partitions)):
                if record.key in wanted:
                    told = {
                        "topic": topic,
                        "partition": record.partition,
                        "offset": record.offset,
                        "timestamp": record.timestamp,
                        "key": record.key.decode(errors="replace"),
                        "value": (record.value or b"").decode("latin-1"),
                    }
                    out.write(json.dumps(told) + "\n")
