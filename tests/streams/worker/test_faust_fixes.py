"""What Faust gets wrong, where a broker is not needed to see it; the kill tests judge the rest."""

import asyncio
from typing import Any

import faust
import pytest
from faust.tables.recovery import RebalanceAgain, ServiceStopped

from streams.worker.faust_fixes import SureRecovery, SureTables


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
