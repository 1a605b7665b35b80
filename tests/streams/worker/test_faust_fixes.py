"""What Faust gets wrong, where a broker is not needed to see it; the kill tests judge the rest."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from faust.tables.recovery import RebalanceAgain, ServiceStopped
from faust.types import TP

from streams.worker.commits import Delivery, Ledger
from streams.worker.faust_fixes import LedgerConsumer, PromptThread, SureRecovery, SureTables

ZERO, GONE = TP("events", 0), TP("events", 1)


class SeekingConsumer(LedgerConsumer):
    """A consumer whose broker says at once what is committed; `seek_wait` waits for `gate`."""

    def __init__(self, committed: int) -> None:
        self.app: Any = SimpleNamespace(
            ledger=Ledger(), events_topic="events", consumer_generation_id=1
        )
        self._begun, self._read_offset, self._acked = {}, {}, {}
        self._committed_offset = defaultdict(lambda: None)
        self.committed, self.gate = committed, asyncio.Event()

    def assignment(self) -> set[TP]:
        return {ZERO}

    async def seek_to_committed(self) -> dict[TP, int]:
        return {ZERO: self.committed}

    async def earliest_offsets(self, *_: TP) -> dict[TP, int]:
        return {ZERO: 0}

    async def seek_wait(self, partitions: Any) -> None:
        await self.gate.wait()


class Fetched:
    """A consumer of aiokafka's, whose fetch returns what it is told, after `meanwhile`."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self._closed = False
        self._fetcher = self._subscriptions = self
        self.fetch_context, self._meanwhile = nullcontext, meanwhile
        self.sought: dict[TP, int] = {}

    async def fetched_records(self, asked: set[TP], **_: Any) -> dict[TP, list[Any]]:
        self._meanwhile()
        assert asked == {ZERO}
        return {tp: [SimpleNamespace(offset=7), SimpleNamespace(offset=8)] for tp in (ZERO, GONE)}

    def assignment(self) -> set[TP]:
        return {ZERO}

    def seek(self, partition: TP, offset: int) -> None:
        self.sought[partition] = offset


@pytest.mark.parametrize("change", ["nothing", "generation", "flow"])
def test_what_is_fetched_across_a_rebalance_is_fetched_again_and_not_dropped(change):
    app = SimpleNamespace(consumer_generation_id=1)
    active = {ZERO}
    thread = PromptThread.__new__(PromptThread)
    thread.app, thread.consumer = app, SimpleNamespace(flow_active=True)  # type: ignore[assignment]

    def meanwhile() -> None:
        if change == "generation":
            app.consumer_generation_id = 2
            active.clear()
        elif change == "flow":
            thread.consumer.flow_active = False

    fetched: Any = Fetched(meanwhile)
    records = asyncio.run(thread._fetch_records(fetched, active))
    if change == "nothing":
        assert set(records) == {ZERO, GONE}
        assert fetched.sought == {}
    else:
        assert records == {}
        assert fetched.sought == {ZERO: 7}


def test_a_seek_that_ends_late_does_not_give_answered_events_again():
    async def scene() -> None:
        consumer = SeekingConsumer(7)
        late = asyncio.create_task(consumer.perform_seek())
        await asyncio.sleep(0)
        first, consumer.gate = consumer.gate, asyncio.Event()
        consumer.gate.set()
        await consumer.perform_seek()
        claim = consumer.ledger.take(0, 7)
        first.set()
        await late
        assert claim.live
        assert consumer.ledger.look(0, 7) is Delivery.AGAIN
        assert consumer.ledger.look(0, 8) is Delivery.NEXT

    asyncio.run(scene())


def test_a_seek_of_an_earlier_generation_begins_nothing():
    async def scene() -> None:
        consumer = SeekingConsumer(7)
        late = asyncio.create_task(consumer.perform_seek())
        await asyncio.sleep(0)
        consumer.app.consumer_generation_id = 2
        consumer.gate.set()
        await late
        assert consumer.ledger.expected(0) is None
        consumer.committed = 9
        await consumer.perform_seek()
        assert consumer.ledger.expected(0) == 9

    asyncio.run(scene())


def test_a_partition_begins_anew_in_the_next_generation():
    async def scene() -> None:
        consumer = SeekingConsumer(7)
        consumer.gate.set()
        await consumer.perform_seek()
        claim = consumer.ledger.take(0, 7)
        consumer.app.consumer_generation_id = 2
        await consumer.perform_seek()
        assert not claim.live
        assert consumer.ledger.expected(0) == 7

    asyncio.run(scene())


async def never() -> None:
    await asyncio.Event().wait()


async def recovery() -> Any:
    app: Any = faust.App(
        "test-fixes", autodiscover=False, broker="aiokafka://nowhere:1", TableManager=SureTables
    )
    found = app.tables.recovery
    assert isinstance(found, SureRecovery)
    found.loop = asyncio.get_running_loop()
    return found


def test_a_step_of_a_recovery_that_does_not_end_begins_it_again(caplog):
    async def scene() -> None:
        ours = await recovery()
        with pytest.raises(RebalanceAgain):
            await ours._wait(never(), timeout=0.01)
        assert ours.signal_recovery_start.is_set()

    asyncio.run(scene())
    assert "begins again" in caplog.text


def test_a_step_that_ends_is_followed_by_the_next():
    async def scene() -> None:
        ours = await recovery()
        await ours._wait(asyncio.sleep(0), timeout=5)
        assert not ours.signal_recovery_start.is_set()

    asyncio.run(scene())


def test_another_rebalance_interrupts_a_step():
    async def scene() -> None:
        ours = await recovery()
        ours.signal_recovery_start.set()
        with pytest.raises(RebalanceAgain):
            await ours._wait(never(), timeout=5)

    asyncio.run(scene())


def test_a_service_that_is_stopped_recovers_nothing_more():
    async def scene() -> None:
        ours = await recovery()
        ours._stopped.set()
        with pytest.raises(ServiceStopped):
            await ours._wait(never(), timeout=5)

    asyncio.run(scene())
