"""Reads what Faust fetched but did not deliver: the events between two offsets of a partition.

A hole may be nothing (transaction markers and deleted segments take offsets too), so the topic
itself is asked.
"""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.connection import Address, connection

from ..dead_letters import replays_of
from .intake import Arrived


async def missing_events(
    bootstrap: Address, topic: str, partition: int, start: int, end: int
) -> list[Arrived]:
    """The records with start <= offset < end, in order; empty when there are none.

    Raises:
        KafkaError: the broker cannot be reached.
    """
    tp = TopicPartition(topic, partition)
    found: list[Arrived] = []
    consumer = AIOKafkaConsumer(
        **connection(bootstrap).client_arguments(),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    consumer.assign([tp])
    await consumer.start()
    try:
        consumer.seek(tp, start)
        while await consumer.position(tp) < end:
            records = (await consumer.getmany(tp, timeout_ms=1000)).get(tp, [])
            found += [
                Arrived(
                    partition,
                    record.offset,
                    record.timestamp,
                    record.key,
                    record.value,
                    replays_of(record.headers),
                )
                for record in records
                if record.offset < end
            ]
    finally:
        await consumer.stop()
    return found
