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
from .table import SessionTable

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 30.0
DRAIN_SECONDS = 5.0
"""How long a batch that has begun may take to end before its partitions are let go."""


class WorkerApp(LedgerApp):
    """Answers events until it is stopped; assembly.py puts it together."""

    answering: Answering
    batcher: Batcher[Delivery]
    intake: Intake
    sessions: SessionTable
    limits: Limits
    metrics: WorkerMetrics
    idle: asyncio.Event
    draining: bool = False
    swept_at: float = 0.0

    async def answer_forever(self) -> None:
        """Take batch after batch; nothing an event does ends this loop."""
        while not self.should_stop:
            batch = await self.batcher.take()
            if self.draining:
                return  # taken but not answered: not committed, so it comes again
            self.idle.clear()
            try:
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
        """Let the batch that has begun end, and commit what is done."""
        try:
            await asyncio.wait_for(self.idle.wait(), DRAIN_SECONDS)
        except TimeoutError:
            logger.warning(
                "a batch did not end within %.0f s; its events come again", DRAIN_SECONDS
            )
        try:
            await asyncio.wait_for(self.consumer.commit(), DRAIN_SECONDS)
        except Exception:
            logger.exception("the last commit failed; some answers will be given again")

    async def on_stop(self) -> None:
        """Finish what was begun before Faust takes the consumer apart."""
        self.draining = True
        self.metrics.ready.set(0)
        if self.ledger.partitions:
            await self.drain()
        await super().on_stop()

    async def _maybe_sweep(self) -> None:
        if time.monotonic() - self.swept_at < SWEEP_SECONDS:
            return
        self.swept_at = time.monotonic()
        try:
            await self.sessions.sweep(self.intake.newest_ms, self.committed, self.limits)
        except Exception:
            logger.exception("removing old sessions failed; it is tried again")

    def committed(self, partition: int) -> int | None:
        """The committed offset of a partition of the events topic."""
        consumer = cast(Consumer, self.consumer)
        return consumer._committed_offset[TP(self.events_topic, partition)]

    def observe(self) -> None:
        """Set the gauges that are looked up rather than counted."""
        self.metrics.ready.set(not self.rebalancing and not self.draining)
        self.metrics.sessions.set(len(self.sessions.data.data))
        for partition in self.ledger.partitions:
            end = self.consumer.highwater(TP(self.events_topic, partition))
            expected = self.ledger.expected(partition)
            if end is not None and expected is not None:
                self.metrics.lag.labels(str(partition)).set(max(0, end - expected))
