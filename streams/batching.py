"""Adaptive micro-batches: what is waiting is taken at once, and nobody waits for a full batch.

At most one event of a session is in a batch, so that a session's events are answered one after the
other. Knows nothing of Kafka; an asyncio queue with a rule.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar


class Grouped(Protocol):
    """Something with a group of which a batch may hold one member; None groups with nothing."""

    @property
    def group(self) -> Hashable | None: ...  # noqa: D102 - the class says it


T = TypeVar("T", bound=Grouped)


class Batcher(Generic[T]):
    """A bounded waiting line from which batches are taken.

    Args:
        max_batch: the largest batch, and how far a batch looks ahead for other groups.
        max_wait: seconds a batch may wait for company after its first item is there.
        capacity: items that may wait before `put` does.
    """

    def __init__(self, max_batch: int, max_wait: float, capacity: int) -> None:
        self._max_batch = max_batch
        self._max_wait = max_wait
        self._capacity = capacity
        self._waiting: deque[T] = deque()
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def __len__(self) -> int:
        return len(self._waiting)

    async def put(self, item: T) -> None:
        """Add an item to the end of the line; wait while the line is full."""
        while len(self._waiting) >= self._capacity:
            self._room.clear()
            await self._room.wait()
        self._waiting.append(item)
        self._filled.set()

    async def take(self) -> list[T]:
        """The next batch, in order of arrival; waits until there is at least one item."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        if self._max_wait and len(self._waiting) < self._max_batch:
            await asyncio.sleep(self._max_wait)
        batch = self._next()
        self._room.set()
        return batch

    def _next(self) -> list[T]:
        batch: list[T] = []
        later: list[T] = []
        taken: set[Hashable] = set()
        for _ in range(min(self._max_batch, len(self._waiting))):
            item = self._waiting.popleft()
            if item.group is not None and item.group in taken:
                later.append(item)
                continue
            taken.add(item.group)
            batch.append(item)
        self._waiting.extendleft(reversed(later))
        return batch
