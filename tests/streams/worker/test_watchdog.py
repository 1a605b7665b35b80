import asyncio
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

import pytest

from streams.monitoring import Health
from streams.worker.watchdog import STALLED, Watchdog

TICK = 0.01
Look = Callable[[], dict[str, Hashable]]


class Watched:
    """An event loop in a thread, its watchdog, and how the process would have ended."""

    def __init__(self, look: Look) -> None:
        self.loop = asyncio.new_event_loop()
        self.health = Health()
        self.codes: list[int] = []
        self.ended = threading.Event()
        self.watchdog = Watchdog(
            self.loop, look, self.health,
            patience=10 * TICK, grace=10 * TICK, end=self._end, tick=TICK,
        )  # fmt: skip

    def _end(self, code: int) -> None:
        self.codes.append(code)
        self.ended.set()


@contextmanager
def watched(look: Look) -> Iterator[Watched]:
    scene = Watched(look)
    thread = threading.Thread(target=scene.loop.run_forever)
    thread.start()
    scene.watchdog.start()
    try:
        yield scene
    finally:
        scene.watchdog.stop()
        scene.loop.call_soon_threadsafe(scene.loop.stop)
        thread.join(30)
        scene.loop.close()


def test_work_that_stands_ends_the_process_with_the_reason(caplog):
    with watched(lambda: {"answering events of partition 2": 41}) as scene:
        assert scene.ended.wait(30)
    assert scene.codes == [STALLED]
    assert "answering events of partition 2 stands at 41" in (scene.health.stalled or "")
    assert "answering events of partition 2 stands at 41" in caplog.text
    assert "code 3" in caplog.text


def test_a_stage_that_blocks_the_event_loop_ends_the_process():
    release = threading.Event()
    with watched(dict) as scene:
        scene.loop.call_soon_threadsafe(release.wait, 60)
        assert scene.ended.wait(30)
        release.set()
    assert "the event loop does not turn" in (scene.health.stalled or "")


def test_looking_that_fails_is_no_progress(caplog):
    def broken() -> dict[str, Hashable]:
        raise ZeroDivisionError("a defect")

    with watched(broken) as scene:
        assert scene.ended.wait(30)
    assert "a defect" in caplog.text


@pytest.mark.parametrize("moves", [True, False], ids=["moving", "idle"])
def test_a_worker_that_moves_or_has_nothing_to_do_goes_on(moves):
    looks, enough = [0], threading.Event()

    def look() -> dict[str, Hashable]:
        looks[0] += 1
        if looks[0] > 40:  # twice as long as would have ended it
            enough.set()
        return {"taking events of partition 0": looks[0]} if moves else {}

    with watched(look) as scene:
        assert enough.wait(60)
    assert scene.codes == []
    assert scene.health.stalled is None
