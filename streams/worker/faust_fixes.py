"""What Faust 0.15.3 gets wrong and a worker cannot live with, each with its reason and its test.

The kill tests in tests/e2e are the judge of all of it. A new Faust release must be read before it
is used, so any other version is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Container, Iterator, Set
from functools import cached_property
from typing import Any, Final, cast

import faust
from aiokafka import AIOKafkaConsumer
from faust.tables.manager import TableManager
from faust.tables.recovery import RebalanceAgain, Recovery, ServiceStopped
from faust.transport.consumer import RecordMap
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.services import WaitArgT
from mode.utils.queues import FlowControlEvent
from mode.utils.times import Seconds, want_seconds

from .commits import Ledger

logger = logging.getLogger(__name__)

READ: Final = "0.15.3"
"""The release these fixes were written against."""
FETCH_WAIT_MS: Final = 100
STEP_SECONDS: Final = 20.0
"""How long one step of a recovery may take, other than reading the changelog."""

if faust.__version__ != READ:
    raise ImportError(
        f"Faust {faust.__version__} is installed; streams/worker/faust_fixes.py was written "
        f"against {READ}: read Faust's changes to its consumer, recovery and queues, run the kill "
        "tests, then change READ"
    )


class SteadyFlow(FlowControlEvent):
    """Clears the queues on resume only if the flow was suspended before.

    Recovery calls `resume` several times, the last after fetching has begun, and stock `resume`
    clears every queue each time: an event already in a queue is thrown away.
    """

    def resume(self) -> None:
        """Let events flow again."""
        suspended = not self.is_active()
        self._suspend.clear()
        self._resume.set()
        if suspended:
            self.clear()


class PromptThread(driver.AIOKafkaConsumerThread):
    """Fetches with a short long-poll.

    One fetch per broker is out at a time, and Faust lets it wait 1.5 s for data: a partition that
    was just assigned or resumed is not asked for until it returns.
    """

    logger = logging.getLogger("faust.segue")

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer

    async def _fetch_records(
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> RecordMap:
        """Fetch, but what came across a rebalance, or while the flow was suspended, comes again.

        aiokafka waits for the new assignment and then, as Faust has emptied the set of partitions,
        gives records of any of them. Faust drops those: a recovery waited for ever for records of
        a changelog that had been dropped.
        """
        generation, asked = self.app.consumer_generation_id, set(active_partitions)
        records = await super()._fetch_records(consumer, asked, timeout, max_records)
        if generation == self.app.consumer_generation_id and self.consumer.flow_active:
            return records
        for partition in consumer.assignment() & records.keys():
            consumer.seek(partition, records[partition][0].offset)
        return {}


class LedgerConsumer(driver.Consumer):
    """A consumer that commits what the ledger says, and begins every partition at a known offset.

    Stock `_new_offset` passes events that were skipped or lost on the way to the agent. Stock
    `perform_seek` does not seek where nothing, or offset 0, was committed, though what had been
    fetched by then may be gone. It is also called when a fetch returns while the flow is suspended,
    and may then end after events are answered: a partition begins once in a group generation.
    """

    logger = logging.getLogger("faust.segue")  # Faust's own lines are not ours

    app: LedgerApp

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Faust's to say
        super().__init__(*args, **kwargs)
        self._begun: dict[TP, int] = {}
        """The group's generation in which each partition began."""

    @property
    def ledger(self) -> Ledger:
        """The ledger of the worker this consumer belongs to."""
        return self.app.ledger

    @property
    def events_topic(self) -> str:
        """The one topic whose offsets are committed."""
        return self.app.events_topic

    def _new_consumer_thread(self) -> PromptThread:
        return PromptThread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """Seek to the committed offsets, or to the earliest where there are none."""
        generation = self.app.consumer_generation_id
        await super().perform_seek()
        held = {tp for tp in self.assignment() if tp.topic == self.events_topic}
        earliest = await self.earliest_offsets(*held) if held else {}
        starts = {tp: max(self._committed_offset[tp] or 0, earliest.get(tp) or 0) for tp in held}
        if starts:
            await self.seek_wait(starts)
        if generation != self.app.consumer_generation_id:
            return  # assigned anew meanwhile: whoever did that seeks too, to later offsets perhaps
        self._acked.clear()
        new = {tp: at for tp, at in sorted(starts.items()) if self._begun.get(tp) != generation}
        for tp, offset in new.items():
            self._begun[tp] = generation
            self.ledger.begin(tp.partition, offset)
        if new or not starts:
            logger.info("partitions begin at %s", {tp.partition: at for tp, at in new.items()})

    async def on_partitions_revoked(self, revoked: Set[TP]) -> None:
        """Let the claims of revoked partitions die after their batch had its chance to end."""
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._begun.pop(tp, None)
            if tp.topic == self.events_topic:
                self.ledger.drop(tp.partition)

    def _filter_tps_with_pending_acks(
        self, topics: Container[object] | None = None
    ) -> Iterator[TP]:
        for partition in self.ledger.partitions:
            tp = TP(self.events_topic, partition)
            if topics is None or tp in topics or tp.topic in topics:
                yield tp

    def _new_offset(self, tp: TP) -> int | None:
        if tp.topic != self.events_topic:
            return None
        return self.ledger.committable(tp.partition)


class SureRecovery(Recovery):
    """Begins a recovery again when a step of it does not end.

    Stock Faust takes a step that timed out for the end of the service: the task that recovers ends
    without a word, and the worker holds partitions that it never answers.
    """

    logger = logging.getLogger("faust.segue")

    async def _wait(self, coro: WaitArgT, timeout: Seconds | None = None) -> None:
        limit = None if timeout is None else min(want_seconds(timeout), STEP_SECONDS)
        signal = self.signal_recovery_start
        result = await self.wait_first(coro, signal, timeout=limit)  # type: ignore[arg-type]
        if result.stopped:
            if self._stopped.is_set() or self._crashed.is_set():
                raise ServiceStopped
            logger.warning("a step of the recovery took over %g s; it begins again", limit)
            signal.set()
        if signal.is_set():
            raise RebalanceAgain


class SureTables(TableManager):
    """The tables of an application, with the recovery above."""

    logger = logging.getLogger("faust.segue")

    @property
    def recovery(self) -> SureRecovery:
        """The recovery of every table."""
        if self._recovery is None:
            self._recovery = SureRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return cast(SureRecovery, self._recovery)


class LedgerTransport(driver.Transport):
    """The aiokafka transport with the consumer above."""

    Consumer = LedgerConsumer


class LedgerApp(faust.App):
    """A Faust application whose commits follow a ledger.

    The attributes are set before it starts: an App's constructor belongs to Faust.
    """

    logger = logging.getLogger("faust.segue")
    ledger: Ledger
    events_topic: str

    @cached_property
    def flow_control(self) -> FlowControlEvent:
        """The flow control of every stream of this application."""
        return SteadyFlow(loop=self.loop)

    def _create_directories(self) -> None:
        """Nothing is kept on disk, so nothing is left in the folder a worker was started in."""

    def _new_transport(self) -> LedgerTransport:
        return LedgerTransport(self.conf.broker_consumer, self)
