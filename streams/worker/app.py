"""The Faust application of a worker: the loop that answers batches, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Hashable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import cast

from faust.tables import TableManager
from faust.transport.consumer import Consumer
from faust.types import TP

from ..answering import Answering
from ..batching import Batcher
from ..decoding import EventError
from ..delivery import Delivery
from ..metrics import WorkerMetrics
from ..monitoring import Health
from ..session import Limits
from ..slot import ModelSlot
from .faust_fixes import LedgerApp
from .intake import Intake
from .table import AT_ONCE, ReadChangelog, SessionTable

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
    read_changelog: ReadChangelog
    limits: Limits
    metrics: WorkerMetrics
    slot: ModelSlot
    health: Health
    idle: asyncio.Event
    writing: asyncio.Lock
    """Held by whoever changes sessions."""
    swept_at: float = 0.0
    ended_by: Exception | None = None
    """Why the worker stops by itself, where no signal asked it to."""
    standing: dict[int, int]
    """Partitions with events to take, and the offset that was due at the last `reread_ends`."""

    async def answer_forever(self) -> None:
        """Take batch after batch, until it is cancelled; nothing an event does ends this loop."""
        while True:
            batch = await self.batcher.take()
            self.idle.clear()
            async with self.writing:
                try:
                    await self._write_overtaken()
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
            refused = replace(delivery, decoded=EventError("internal", repr(err)))
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

    def refuse(self, why: Exception) -> None:
        """Take nothing more and stop as a signal would, with a reason."""
        if self.ended_by is None:
            logger.warning("the worker stops: %s", why)
            self.ended_by = why
            self.intake.open = False
            signal.raise_signal(signal.SIGTERM)

    async def on_stop(self) -> None:
        """Finish what was begun before Faust takes the consumer apart."""
        self.health.unready = "the worker is stopping"
        self.metrics.ready.set(0)
        if self.held:
            await self.drain()
        await super().on_stop()

    async def _write_overtaken(self) -> None:
        try:
            await self.sessions.notice(self.held, self.read_changelog)
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

    def look(self) -> dict[str, Hashable]:
        """Set the gauges that are looked up rather than counted; say what waits (progress.py)."""
        self.health.unready = self._unready()
        self.metrics.ready.set(self.health.unready is None)
        self.metrics.sessions.set(len(self.sessions.data.data))
        if not self._joined:
            recovery = cast(TableManager, self.tables).recovery
            read = sum(offset or 0 for offset in recovery.active_offsets.values())
            return {"joining the group and reading its sessions": (self.rebalancing_count, read)}
        return dict(self._waiting())

    def _waiting(self) -> Iterator[tuple[str, Hashable]]:
        ends = list(self._ends())
        moved = sum(taken for _, taken, _ in ends)
        for partition, taken, end in ends:
            answered = self.ledger.committable(partition) or 0
            committed = self.committed(partition) or 0
            self.metrics.lag.labels(str(partition)).set(max(0, end - taken))
            if taken < end:
                # What Faust has read waits its turn behind other partitions' events: in a backlog
                # for minutes, and all is well as long as those move.
                consumer = cast(Consumer, self.consumer)
                read = consumer._read_offset.get(TP(self.events_topic, partition)) or 0
                place = f"{taken} while all are at {moved}" if read > taken else f"{taken}"
                yield f"taking events of partition {partition}", place
            if answered < taken:
                yield f"answering events of partition {partition}", answered
            if committed < answered:
                yield f"committing partition {partition}", committed

    def _ends(self) -> Iterator[tuple[int, int, int]]:
        """Each partition that is held, the offset that is due next, and the end as it is known."""
        for tp in sorted(self.consumer.assignment()):
            due = self.ledger.expected(tp.partition)
            if tp.topic == self.events_topic and due is not None:
                yield tp.partition, due, self.consumer.highwater(tp) or due

    @property
    def _joined(self) -> bool:
        return self.rebalancing_count > 0 and not self.rebalancing and not self.in_recovery

    def _unready(self) -> str | None:
        if self.should_stop:
            return "the worker is stopping"
        if self.slot.current is None:
            return "no model is loaded: announce a champion"
        if not self._joined or not self.intake.open:
            return "partitions are being assigned, or their sessions read"
        if not self.held:
            return "no partition is assigned: the group has more workers than partitions"
        return None

    def forget_lag(self) -> None:
        """Show no lag of partitions that are let go: somebody else's worker tells of it."""
        for partition in self.held:
            with suppress(KeyError):
                self.metrics.lag.remove(str(partition))

    async def reread_ends(self) -> None:
        """Read partitions again whose end Faust has read, and not delivered to its last offset.

        Either a transaction marker stands there, which is no event, or Faust lost the last ones;
        a lost one in the middle is noticed when its successor comes (intake.py).
        """
        standing = {partition: due for partition, due, end in self._ends() if due < end}
        if self.idle.is_set() and not self.batcher and self._joined:
            for partition, due, end in list(self._ends()):
                tp = TP(self.events_topic, partition)
                if self.standing.get(partition) != due or due >= end:
                    continue
                if (await self.consumer.position(tp) or 0) >= end:
                    await self.intake.reread(partition, due, end)
        self.standing = standing
