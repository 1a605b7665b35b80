"""The worker's own loop: how often it sweeps."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

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
