"""The worker's own loop: how often it sweeps, and what it says of partitions that wait."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.types import TP

from streams.worker.app import WorkerApp
from streams.worker.table import AT_ONCE


def removed_within(old: int, seconds: float, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many of `old` expired records are gone when a batch has come each tenth of a second."""
    now, left = 1000.0, old

    async def sweep(*_: object) -> int:
        nonlocal left
        removed = min(left, AT_ONCE)
        left -= removed
        return removed

    app = SimpleNamespace(
        swept_at=0.0, intake=SimpleNamespace(newest_ms={}), held=[], limits=None,
        committed=None, sessions=SimpleNamespace(sweep=sweep),
    )  # fmt: skip
    monkeypatch.setattr("streams.worker.app.time.monotonic", lambda: now)
    for _ in range(round(seconds * 10)):
        asyncio.run(WorkerApp._maybe_sweep(cast(Any, app)))
        now += 0.1
    return old - left


def test_sessions_that_end_faster_than_one_sweep_removes_are_removed_all_the_same(monkeypatch):
    assert removed_within(15 * 60, 30, monkeypatch) == 15 * 60


def test_a_sweep_that_found_little_is_not_repeated_at_once(monkeypatch):
    assert removed_within(AT_ONCE - 1, 30, monkeypatch) == AT_ONCE - 1


def waiting(due: dict[int, int], read: dict[int, int]) -> dict[str, object]:
    """What a worker says that holds partitions with 1,000 events, these taken and read of each."""
    app = SimpleNamespace(
        _ends=lambda: [(partition, taken, 1000) for partition, taken in due.items()],
        consumer=SimpleNamespace(_read_offset={TP("events", p): at for p, at in read.items()}),
        ledger=SimpleNamespace(committable=lambda partition: due[partition]),
        committed=lambda partition: due[partition],
        metrics=SimpleNamespace(lag=SimpleNamespace(labels=lambda _: SimpleNamespace(set=id))),
        events_topic="events",
    )
    return dict(WorkerApp._waiting(cast(Any, app)))


def test_a_partition_whose_events_are_behind_others_in_the_queue_moves_with_them():
    before, after = (waiting({0: taken, 1: 70}, {0: 500, 1: 90}) for taken in (10, 20))
    assert before["taking events of partition 1"] != after["taking events of partition 1"]


def test_a_partition_of_which_nothing_was_read_stands_whatever_others_do():
    before, after = (waiting({0: taken, 1: 70}, {0: 500, 1: 69}) for taken in (10, 20))
    assert before["taking events of partition 1"] == after["taking events of partition 1"]
    assert before["taking events of partition 0"] != after["taking events of partition 0"]


def test_a_worker_that_takes_nothing_stands_though_its_queue_is_full():
    read = {0: 500, 1: 500}
    assert waiting({0: 10, 1: 70}, read) == waiting({0: 10, 1: 70}, read)
