"""What an audit found: the identity, the sessions, and whether the promise was kept."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from .audit import Tally
from .fault import Fault
from .oracle import Comparison

FEW: Final = 10
"""Faults of each kind that are told one by one; the counts are of all."""


class Findings(NamedTuple):
    """The answer of an audit."""

    tally: Tally
    comparison: Comparison
    since: str | None  # events appended before were not counted
    notes: list[str]  # for people: what could not be looked at, and why
    faults: list[Fault]  # the first FEW of each kind

    @property
    def kept(self) -> bool:
        """Whether nothing is lost, contradicted, or other than it must be."""
        tally = self.tally
        faults = tally.missing or tally.conflicts or tally.wrong_reasons
        return not faults and not self.comparison.unequal

    def record(self) -> dict[str, Any]:
        """The same as JSON has it (docs/reliability.md)."""
        tally, sessions = self.tally, self.comparison
        return {
            "events": tally.events_in,
            "answered": tally.answered,
            "dead_lettered": tally.dead_lettered,
            "missing": len(tally.missing),
            "repeats": tally.repeats,
            "conflicting": len(tally.conflicts),
            "wrong_reasons": tally.wrong_reasons,
            "unreadable": tally.unreadable,
            "state_equal": not sessions.unequal,
            "sessions": {
                "compared": sessions.compared,
                "unequal": len(sessions.unequal),
                "swept": sessions.swept,
                "not_compared": sessions.unknown,
            },
            "since": self.since,
            "notes": self.notes,
            "faults": [fault._asdict() for fault in self.faults],
        }
