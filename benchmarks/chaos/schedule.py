"""Which fault when: pure, so that a seed is all it takes to have the same run again.

A fault has a lane. Two of one lane never overlap, so that what a fault finds is what it expects:
all brokers up before one is killed, all workers up before one is stopped. Every fault ends before
the load does.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

FIRST = 5.0
"""Seconds of undisturbed load before the first fault."""
LAST = 3.0
"""Seconds of undisturbed load after the last one."""
COMPANY = 0.3
"""Of the faults begin while another, of another lane, is under way."""


class Fault(NamedTuple):
    """One fault: it begins `second` seconds after the load and is over `seconds` later."""

    second: float
    kind: str
    target: str
    seconds: float

    @property
    def end(self) -> float:
        """When it is over, seconds after the load began."""
        return self.second + self.seconds


@dataclass(frozen=True)
class Shape:
    """What there is to be disturbed, and what can be done to it here."""

    nodes: int = 3
    workers: int = 3
    session_timeout: float = 6.0
    filled: bool = False  # whether a disk of limited size can be had
    prometheus: bool = False

    def __post_init__(self) -> None:
        if self.nodes not in (1, 3) or self.workers < 1:
            raise ValueError(
                f"{self.nodes} brokers and {self.workers} workers: expected 1 or 3 and at least 1"
            )


class _Kind(NamedTuple):
    lane: str
    targets: tuple[str, ...]
    seconds: tuple[float, float]  # from, to
    timeouts: float = 0.0  # of the group, on top
    nodes: int = 1  # needed at the least
    workers: int = 1


_BROKERS = ("leader", "controller", "follower")
_LINKS = ("all", "broker")
KINDS = {
    "worker-kill": _Kind("worker", ("worker",), (4, 7), timeouts=1),
    "worker-term": _Kind("worker", ("worker",), (3, 8)),
    "worker-stop": _Kind("worker", ("worker",), (1, 3), timeouts=2),
    "worker-lost": _Kind("worker", ("worker",), (1, 5)),
    "kill-at-start": _Kind("worker", ("worker",), (6, 10)),
    "kill-in-recovery": _Kind("worker", ("worker",), (6, 10)),
    "storm": _Kind("worker", ("workers",), (16, 22), workers=2),
    "broker-kill": _Kind("broker", _BROKERS, (8, 15)),
    "broker-stop": _Kind("broker", _BROKERS, (8, 15)),
    "broker-lost": _Kind("broker", ("follower",), (8, 12), nodes=3),
    "quorum-loss": _Kind("broker", ("two",), (8, 14), nodes=3),
    "disk-full": _Kind("broker", ("leader",), (8, 12)),
    "link-delay": _Kind("link", ("all",), (10, 20)),
    "link-resets": _Kind("link", ("all",), (10, 15)),
    "link-half-open": _Kind("link", _LINKS, (8, 14)),
    "link-cut": _Kind("link", _LINKS, (8, 16)),
    "burst": _Kind("load", ("players",), (8, 12)),
    "prometheus-down": _Kind("side", ("prometheus",), (5, 10)),
}
BURST = 5.0
"""How many times the rate a burst is."""

ROUNDS = ("worker-kill", "kill-at-start", "worker-kill", "kill-in-recovery")
"""Kinds of SIGKILL, in turn."""


def kinds(shape: Shape) -> list[str]:
    """The kinds that can be had."""
    absent = set[str]() if shape.filled else {"disk-full"}
    absent |= set() if shape.prometheus else {"prometheus-down"}
    return [
        name
        for name, kind in KINDS.items()
        if shape.nodes >= kind.nodes and shape.workers >= kind.workers and name not in absent
    ]


def lane(fault: Fault) -> str:
    """What a fault disturbs: worker, broker, link, load or side."""
    return KINDS[fault.kind].lane


def mixed(seed: int, seconds: float, shape: Shape, only: Collection[str] = ()) -> list[Fault]:
    """Faults of every kind in turn, in an order, at times and on targets that the seed decides.

    Raises:
        ValueError: `only` names a kind that there is not, or cannot be had here.
    """
    there = kinds(shape)
    if strange := sorted(set(only) - set(there)):
        raise ValueError(
            f"{', '.join(strange)} cannot be had with {shape.nodes} brokers and {shape.workers} "
            f"workers on this machine; there are {', '.join(there)}"
        )
    rng = _random("mixed", seed, shape)
    names = [name for name in there if not only or name in only]
    hand: list[str] = []  # kinds whose turn is to come
    found: list[Fault] = []
    at = FIRST
    while True:
        if len(hand) < len(names):
            hand += rng.sample(names, len(names))
        fits = (_made(rng, name, at, shape) for name in hand)
        fault = next((f for f in fits if _fits(f, seconds - LAST, found)), None)
        over = max((other.end for other in found), default=0.0)
        if fault is None and at > over:
            return sorted(found)
        if fault is not None:
            hand.remove(fault.kind)
            found.append(fault)
            over = max(over, fault.end)
        if fault is not None and rng.random() < COMPANY:
            at = fault.second + rng.uniform(1, 4)
        else:
            at = over + rng.uniform(4, 9)


def _random(what: str, seed: int, shape: Shape) -> random.Random:
    """The same on every machine, whatever else can be had there."""
    return random.Random(f"{what} {seed} {shape.nodes} {shape.workers} {shape.session_timeout}")


def _made(rng: random.Random, name: str, at: float, shape: Shape) -> Fault:
    kind = KINDS[name]
    seconds = round(rng.uniform(*kind.seconds) + kind.timeouts * shape.session_timeout, 1)
    return Fault(round(at, 1), name, _target(rng, kind, shape), seconds)


def _fits(fault: Fault, end: float, found: Sequence[Fault]) -> bool:
    return fault.end <= end and not any(_disturbs(fault, other) for other in found)


def _disturbs(one: Fault, other: Fault) -> bool:
    """Whether two faults are of one lane and not clearly apart."""
    apart = one.second >= other.end + 1 or other.second >= one.end + 1
    return lane(one) == lane(other) and not apart


def _target(rng: random.Random, kind: _Kind, shape: Shape) -> str:
    target = rng.choice(kind.targets)
    if target == "worker":
        return f"worker {rng.randrange(shape.workers)}"
    if target == "broker":
        return f"broker {1 + rng.randrange(shape.nodes)}"
    if target in _BROKERS and shape.nodes == 1:
        return "broker 1"
    return target


def kills(seed: int, rounds: int, shape: Shape) -> list[Fault]:
    """Rounds of SIGKILL to one worker after the other at random moments: in mid-stream, during a
    start, and at the first events after recovery."""
    rng = _random("kills", seed, shape)
    found, at = [], FIRST
    for number in range(rounds):
        target = f"worker {rng.randrange(shape.workers)}"
        kind, seconds = ROUNDS[number % len(ROUNDS)], round(rng.uniform(4, 6), 1)
        fault = Fault(round(at, 1), kind, target, seconds)
        found.append(fault)
        at = fault.end + rng.uniform(1, 4)
    return found


def bounces(seed: int, rounds: int, shape: Shape) -> list[Fault]:
    """Rounds of SIGKILL to a broker and its start: leader, controller and follower in turn."""
    rng = _random("bounces", seed, shape)
    found, at = [], FIRST
    for number in range(rounds):
        target = _BROKERS[number % len(_BROKERS)] if shape.nodes > 1 else "broker 1"
        fault = Fault(round(at, 1), "broker-kill", target, round(rng.uniform(5, 10), 1))
        found.append(fault)
        at = fault.end + rng.uniform(8, 12)
    return found


def alone(fault: Fault, faults: Sequence[Fault], margin: float) -> bool:
    """Whether nothing but the load is disturbed within `margin` seconds of a fault."""
    return not any(
        other is not fault
        and lane(other) not in ("load", "side")
        and other.second < fault.end + margin
        and fault.second < other.end + margin
        for other in faults
    )


def records(faults: Sequence[Fault]) -> list[dict[str, Any]]:
    """The schedule as JSON has it."""
    return [fault._asdict() for fault in faults]
