"""Every kind of fault: what it disturbs, for how long, and what must be there for it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Shape:
    """What there is to be disturbed, and what can be done to it here."""

    nodes: int = 3
    workers: int = 3
    session_timeout: float = 6.0
    filled: bool = False  # whether a disk of limited size can be had
    prometheus: bool = False
    learning: bool = False  # whether a fine-tune job runs beside the workers

    def __post_init__(self) -> None:
        if self.nodes not in (1, 3) or self.workers < 1:
            raise ValueError(
                f"{self.nodes} brokers and {self.workers} workers: expected 1 or 3 and at least 1"
            )


class Kind(NamedTuple):
    """A kind of fault, as the schedule needs it."""

    lanes: tuple[str, ...]  # what it disturbs; the picture has the colour of the first
    targets: tuple[str, ...]
    seconds: tuple[float, float]  # from, to
    timeouts: float = 0.0  # of the group, on top
    nodes: int = 1  # needed at the least
    workers: int = 1


BROKERS = ("leader", "controller", "follower")
BURST = 5.0
"""How many times the rate a burst is."""
SKEWS = {"players +50 min": 3000.0, "players -50 min": -3000.0, "players +90 min": 5400.0}
"""Seconds by which clocks are off: the contract allows an hour ahead, and a session ends by 30
minutes of silence."""
_WORKER, _BROKER, _LINK, _LOAD = ("worker",), ("broker",), ("link",), ("load",)
_LINKS, _LEARNING = ("all", "broker"), ("learning",)
KINDS = {
    "worker-kill": Kind(_WORKER, ("worker",), (4, 7), timeouts=1),
    "worker-term": Kind(_WORKER, ("worker",), (3, 8)),
    "worker-stop": Kind(_WORKER, ("worker",), (1, 3), timeouts=2),
    "worker-lost": Kind(_WORKER, ("worker",), (1, 5)),
    "worker-cut": Kind(_WORKER + _LINK, ("worker",), (2, 5), timeouts=2, workers=2),
    "kill-at-start": Kind(_WORKER, ("worker",), (6, 10)),
    "kill-in-recovery": Kind(_WORKER, ("worker",), (6, 10)),
    "storm": Kind(_WORKER, ("workers",), (16, 22), workers=2),
    "broker-kill": Kind(_BROKER, BROKERS, (8, 15)),
    "broker-stop": Kind(_BROKER, BROKERS, (8, 15)),
    "broker-lost": Kind(_BROKER, ("follower",), (8, 12), nodes=3),
    "quorum-loss": Kind(_BROKER, ("two",), (8, 14), nodes=3),
    "disk-full": Kind(_BROKER, ("leader",), (8, 12)),
    "link-delay": Kind(_LINK, ("all",), (10, 20)),
    "link-resets": Kind(_LINK, ("all",), (10, 15)),
    "link-half-open": Kind(_LINK, _LINKS, (8, 14)),
    "link-cut": Kind(_LINK, _LINKS, (8, 16)),
    "burst": Kind(_LOAD, ("players",), (8, 12)),
    "clock-skew": Kind(_LOAD, tuple(SKEWS), (8, 15)),
    "prometheus-down": Kind(("side",), ("prometheus",), (5, 10)),
    "finetune-kill": Kind(_LEARNING, ("job",), (2, 5)),
    "finetune-diverging": Kind(_LEARNING, ("job",), (10, 15)),
    "finetune-slow": Kind(_LEARNING, ("job",), (12, 20)),
    "models-disk-full": Kind(_LEARNING, ("registry",), (8, 12)),
}


LANES = tuple(dict.fromkeys(lane for kind in KINDS.values() for lane in kind.lanes))
LEARNING = {name for name, kind in KINDS.items() if kind.lanes == _LEARNING}
"""Kinds that need a fine-tune job beside the workers."""


def kinds(shape: Shape) -> list[str]:
    """The kinds that can be had."""
    absent = set[str]() if shape.filled else {"disk-full", "models-disk-full"}
    absent |= set() if shape.prometheus else {"prometheus-down"}
    absent |= set() if shape.learning else LEARNING
    return [
        name
        for name, kind in KINDS.items()
        if shape.nodes >= kind.nodes and shape.workers >= kind.workers and name not in absent
    ]


def chosen(names: Collection[str], shape: Shape) -> set[str]:
    """The kinds that names of kinds or of lanes stand for; of a lane those that can be had."""
    return {
        kind
        for name in names
        for kind in (
            [known for known in kinds(shape) if name in KINDS[known].lanes]
            if name in LANES
            else [name]
        )
    }


def needs_job(names: Collection[str]) -> bool:
    """Whether names of kinds or of lanes ask for a fine-tune job."""
    return not LEARNING.isdisjoint(names) or not set(_LEARNING).isdisjoint(names)
