"""What may be committed: decided here, by what was answered, and not by Faust.

Pure. Faust 0.15.3 acks events it skipped, and commits past events that were fetched but never
reached the agent. This ledger counts in deliveries instead: it knows which offset must come next,
so a hole is seen when it opens, and an offset is committable only when all before it is done.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Delivery(Enum):
    """What the arrival of an offset means."""

    NEXT = "next"
    AGAIN = "again"
    """Already taken since the partition was assigned: drop it."""
    EARLY = "early"
    """Offsets before it have not arrived: find them first."""


@dataclass(slots=True)
class _Position:
    """One partition from its assignment to the next: what comes next, and what is not done yet."""

    expected: int
    unfinished: dict[int, None] = field(default_factory=dict)  # in order of delivery

    @property
    def committable(self) -> int:
        return next(iter(self.unfinished), self.expected)


@dataclass(slots=True, frozen=True)
class Claim:
    """The right and the duty to answer one offset, until its partition is assigned anew."""

    ledger: Ledger
    position: _Position
    partition: int
    offset: int

    @property
    def live(self) -> bool:
        """Whether the partition is still held as it was when the offset was taken."""
        return self.ledger.holds(self.partition, self.position)

    def done(self) -> None:
        """The offset is answered, and its answer is acknowledged."""
        self.position.unfinished.pop(self.offset, None)


class Ledger:
    """Deliveries and answers of the partitions this worker holds."""

    def __init__(self) -> None:
        self._positions: dict[int, _Position] = {}

    @property
    def partitions(self) -> frozenset[int]:
        """The partitions that are held."""
        return frozenset(self._positions)

    def begin(self, partition: int, offset: int) -> None:
        """Hold a partition whose next offset is `offset`; claims of an earlier hold die."""
        self._positions[partition] = _Position(offset)

    def drop(self, partition: int) -> None:
        """Let a partition go; its claims die."""
        self._positions.pop(partition, None)

    def holds(self, partition: int, position: _Position) -> bool:
        """Whether `position` is the partition's present one."""
        return self._positions.get(partition) is position

    def hold(self, partition: int) -> object | None:
        """What stands for the present hold of a partition; another one after each assignment."""
        return self._positions.get(partition)

    def expected(self, partition: int) -> int | None:
        """The offset that must come next; None when the partition is not held."""
        position = self._positions.get(partition)
        return None if position is None else position.expected

    def look(self, partition: int, offset: int) -> Delivery:
        """Say what an arriving offset is; in a partition not held it is AGAIN, to come anew."""
        expected = self.expected(partition)
        if expected is None or offset < expected:
            return Delivery.AGAIN
        return Delivery.NEXT if offset == expected else Delivery.EARLY

    def take(self, partition: int, offset: int) -> Claim:
        """Take an offset at or beyond the expected one; what lies between is known not to exist."""
        position = self._positions[partition]
        if offset < position.expected:
            raise ValueError(
                f"offset {offset} of partition {partition} was taken before; "
                f"expected {position.expected} or later"
            )
        position.expected = offset + 1
        position.unfinished[offset] = None
        return Claim(self, position, partition, offset)

    def skip(self, partition: int, offset: int) -> None:
        """Move the expected offset on: there are no events before `offset`."""
        position = self._positions[partition]
        position.expected = max(position.expected, offset)

    def committable(self, partition: int) -> int | None:
        """The offset a restart should begin at: everything before it is done."""
        position = self._positions.get(partition)
        return None if position is None else position.committable
