"""From Faust's messages to deliveries, with no offset left out: decoded, claimed, in line."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from aiokafka.partitioner import murmur2

from ..batching import Batcher
from ..decoding import EventError, decode_event
from ..delivery import Delivery as Taken
from ..events import PlaybackEvent
from ..metrics import WorkerMetrics
from ..session import Arrival
from .commits import Claim, Delivery, Ledger

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
"""The pause before a hole that could not be read is read again."""


class Arrived(NamedTuple):
    """One record of the events topic; `appended_ms` is its timestamp."""

    partition: int
    offset: int
    appended_ms: int
    key: bytes | None
    value: bytes | None
    replays: int = 0


class Intake:
    """Takes what Faust delivers, and fetches what Faust lost on the way."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        batcher: Batcher[Taken],
        missing: Callable[[int, int, int], Awaitable[Sequence[Arrived]]],
        partitions: int,
        metrics: WorkerMetrics,
        monotonic: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._batcher = batcher
        self._missing = missing
        self._partitions = partitions
        self._metrics = metrics
        self._monotonic = monotonic
        self.newest_ms: dict[int, int] = {}
        """The newest append time seen in each partition, milliseconds since 1970."""
        self._warned = False
        self._turn = asyncio.Lock()  # a hole at the end is not read by the agent (`reread`)
        self.open = True
        """False while what was taken is answered and nothing new may come in (see `drain`)."""

    async def take(self, record: Arrived) -> None:
        """Put an arriving event in line, after everything that should have come before it."""
        if not self.open:
            return  # not taken, so not committed: it comes again
        partition, offset = record.partition, record.offset
        async with self._turn:
            found = self._ledger.look(partition, offset)
            if found is Delivery.EARLY:
                await self._fill(partition, offset)
                found = self._ledger.look(partition, offset)
            if found is Delivery.NEXT:
                await self._enter(record, self._ledger.take(partition, offset))

    async def reread(self, partition: int, due: int, end: int) -> None:
        """Take what lies before `end` from the topic itself, if `due` is still what comes next."""
        async with self._turn:
            if self.open and self._ledger.expected(partition) == due:
                await self._fill(partition, end)

    async def _fill(self, partition: int, end: int) -> None:
        """Read the hole before `end` from the topic itself."""
        hold, start = self._ledger.hold(partition), self._ledger.expected(partition)
        assert start is not None
        records = await self._read(partition, start, end)
        for record in records:
            # Taken away or begun anew while its hole was read: what is not committed comes again,
            # from an offset that may lie before the hole, so nothing may be passed over.
            if self._ledger.hold(partition) is not hold:
                return
            await self._enter(record, self._ledger.take(partition, record.offset))
        if self._ledger.hold(partition) is hold:
            self._ledger.skip(partition, end)

    async def _read(self, partition: int, start: int, end: int) -> Sequence[Arrived]:
        """Ask the topic until it answers, while the partition is held: nobody else will."""
        hold = self._ledger.hold(partition)
        while self._ledger.hold(partition) is hold:
            try:
                records = await self._missing(partition, start, end)
            except Exception:
                logger.exception(
                    "partition %d: offsets %d to %d cannot be read, trying again",
                    partition, start, end - 1,
                )  # fmt: skip
                await asyncio.sleep(RETRY_SECONDS)
                continue
            logger.warning(
                "partition %d: offsets %d to %d were not delivered; %d events found and taken",
                partition, start, end - 1, len(records),
            )  # fmt: skip
            self._metrics.gaps.labels("events" if records else "nothing").inc()
            return records
        return ()

    async def _enter(self, record: Arrived, claim: Claim) -> None:
        began = self._monotonic()
        partition = record.partition
        decoded = _decoded(record.value, record.appended_ms)
        self.newest_ms[partition] = max(self.newest_ms.get(partition, 0), record.appended_ms)
        if (
            isinstance(decoded, PlaybackEvent)
            and _home(decoded.session_id, self._partitions) != partition
        ):
            self._metrics.wrong_partition.inc()
            self._warn_of_partitioner(record)
        now = self._monotonic()
        self._metrics.stage.labels("decode").observe(now - began)
        at = Arrival(partition, record.offset, record.appended_ms)
        taken = Taken(claim, at, record.key, record.value, decoded, now, record.replays)
        await self._batcher.put(taken)

    def _warn_of_partitioner(self, record: Arrived) -> None:
        if not self._warned:  # once for all: the metric counts
            logger.warning(
                "partition %d offset %d: murmur2 puts this session elsewhere; its producer has "
                "another partitioner (librdkafka: set partitioner=murmur2_random) or another key "
                "than session_id; further ones are counted in segue_wrong_partition_total",
                record.partition, record.offset,
            )  # fmt: skip
        self._warned = True


def _decoded(value: bytes | None, appended_ms: int) -> PlaybackEvent | EventError:
    try:
        return decode_event(value, appended_ms)
    except EventError as err:
        return err
    except Exception as err:
        # Nothing a player sends may end the worker, not even through a defect of the decoder.
        logger.exception("the decoder failed on a value of %d bytes", len(value or b""))
        return EventError("internal", repr(err))


@lru_cache(maxsize=65_536)
def _home(session_id: str, partitions: int) -> int:
    """The partition that murmur2 gives a session, as Java, kafka-python and aiokafka do."""
    return int((murmur2(session_id.encode()) & 0x7FFFFFFF) % partitions)
