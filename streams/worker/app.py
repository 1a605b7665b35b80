"""The Faust application of a worker: the loop that answers batches, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import cast

from faust.transport.consumer import Consumer
from faust.types import TP

from ..answering import Answering, Delivery
from ..batching import Batcher
from ..decoding import EventError
from ..metrics import WorkerMetrics
from ..session import Limits
from .faust_fixes import LedgerApp
from .intake import Intake
from .table import AT_ONCE, SessionTable

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 30.0
MORE_SECONDS = 0.5
"""The pause where a sweep has left something over: 256 records in 30 s are fewer than come."""
DRAIN_SECONDS = 5.0
"""How long what was taken may take to be answered before its partitions are let go."""


class WorkerApp(LedgerApp):
    """Answers events until it is stopped; assembly.py puts it together."""

    answering: Answering
    batcher: Batcher[Delivery]
    intake: Intake
    sessions: SessionTable
    limits: Limits
    metrics: WorkerMetrics
    idle: asyncio.Event
    writing: asyncio.Lock
    """Held by whoever changes sessions."""
    swept_at: float = 0.0

    async def answer_forever(self) -> None:
        """Take batch after batch, until it is cancelled; nothing an event does ends this loop."""
        while True:
            batch = await self.batcher.take()
            self.idle.clear()
            async with self.writing:
                try:
                    await self._mend()
                    await self._answer(batch)
                finally:
                    self.idle.set()
                await self._maybe_sweep()

    async def _answer(self, batch: Sequence[Delivery]) -> None:
        try:
            await self.answering.answer(batch)
        except Exception as err:
            if len(batch) > 1:
                logger.exception("a batch of %d failed; each event is tried alone", len(batch))
                for delivery in batch:
                    await self._answer([delivery])
                return
            delivery = batch[0]
            logger.exception(
                "the event at partition %d offset %d cannot be answered; to the DLQ",
                delivery.at.partition, delivery.at.offset,
            )  # fmt: skip
            refused = Delivery(
                delivery.claim,
                delivery.at,
                delivery.key,
                delivery.value,
                EventError("internal", repr(err)),
                delivery.taken_at,
            )
            await self.answering.answer([refused])

    async def drain(self) -> None:
        """Answer what was taken and take nothing more, then commit it.

        All of it: a batch passes over a session's second event, so an earlier offset may still wait
        while later ones are answered, and a commit cannot pass it.
        """
        self.intake.open = False
        try:
            await asyncio.wait_for(self._emptied(), DRAIN_SECONDS)
            # `commit` would only wait for one that is under way, which may be older than this.
            consumer = cast(Consumer, self.consumer)
            await asyncio.wait_for(consumer.force_commit(), DRAIN_SECONDS)
        except Exception:
            logger.exception("draining did not end well; some answers will be given again")
        logger.info("drained; committed %s", {p: self.committed(p) for p in self.held})

    async def _emptied(self) -> None:
        while self.batcher or not self.idle.is_set():
            await asyncio.sleep(0.002)

    @property
    def held(self) -> list[int]:
        """The partitions this worker answers."""
        return sorted(self.ledger.partitions)

    async def on_stop(self) -> None:
        """Finish what was begun before Faust takes the consumer apart."""
        self.metrics.ready.set(0)
        if self.held:
            await self.drain()
        await super().on_stop()

    async def _mend(self) -> None:
        try:
            if mended := await self.sessions.mend(self.held):
                logger.warning("%d sessions had been written over; written again", mended)
        except Exception:
            logger.exception("sessions that were written over are not mended yet; tried again")

    async def _maybe_sweep(self) -> None:
        if time.monotonic() - self.swept_at < SWEEP_SECONDS:
            return
        self.swept_at = time.monotonic()
        try:
            newest_ms = {p: ms for p, ms in self.intake.newest_ms.items() if p in self.held}
            if await self.sessions.sweep(newest_ms, self.committed, self.limits) == AT_ONCE:
                self.swept_at -= SWEEP_SECONDS - MORE_SECONDS
        except Exception:
            logger.exception("removing old sessions failed; it is tried again")

    async def bury(self) -> None:
        """Write the tombstones of sessions that were forgotten, once that is committed."""
        if not self.sessions.data.forgotten:
            return
        try:
            async with self.writing:
                await self.sessions.bury(self.held, self.committed)
        except Exception:
            logger.exception("the tombstones of forgotten sessions failed; they are tried again")

    def committed(self, partition: int) -> int | None:
        """The committed offset of a partition of the events topic."""
        consumer = cast(Consumer, self.consumer)
        return consumer._committed_offset[TP(self.events_topic, partition)]

    def observe(self) -> None:
        """Set the gauges that are looked up rather than counted."""
        self.metrics.ready.set(self.intake.open and not self.rebalancing)
        self.metrics.sessions.set(len(self.sessions.data.data))
        for partition in self.ledger.partitions:
            end = self.consumer.highwater(TP(self.events_topic, partition))
            expected = self.ledger.expected(partition)
            if end is not None and expected is not None:
                self.metrics.lag.labels(str(partition)).set(max(0, end - expected))
