"""Which fault when: pure, so that a seed is all it takes to have the same run again.

A fault has its lanes. Two of one lane never overlap, so that what a fault finds is what it expects:
all brokers up before one is killed, all workers up before one is stopped. Every fault ends before
the load does.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from .kinds import BROKERS, KINDS, Kind, Shape, kinds

FIRST = 5.0
"""Seconds of undisturbed load before the first fault."""
LAST = 3.0
"""Seconds of undisturbed load after the last one."""
CALM = (4.0, 9.0)
"""Seconds from the end of all faults to the next one, unless told otherwise."""
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


ROUNDS = ("worker-kill", "kill-at-start", "worker-kill", "kill-in-recovery")
"""Kinds of SIGKILL, in turn."""


def lanes(fault: Fault) -> frozenset[str]:
    """What a fault disturbs: worker, broker, link, load, side."""
    return frozenset(KINDS[fault.kind].lanes)


def mixed(
    seed: int,
    seconds: float,
    shape: Shape,
    only: Collection[str] = (),
    calm: tuple[float, float] = CALM,
) -> list[Fault]:
    """Faults of every kind in turn, in an order, at times and on targets that the seed decides.

    `calm` are the least and the most seconds from the end of all faults to the next one.

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
            at = over + rng.uniform(*calm)


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
    return bool(lanes(one) & lanes(other)) and not apart


def _target(rng: random.Random, kind: Kind, shape: Shape) -> str:
    target = rng.choice(kind.targets)
    if target == "worker":
        return f"worker {rng.randrange(shape.workers)}"
    if target == "broker":
        return f"broker {1 + rng.randrange(shape.nodes)}"
    if target in BROKERS and shape.nodes == 1:
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
        target = BROKERS[number % len(BROKERS)] if shape.nodes > 1 else "broker 1"
        fault = Fault(round(at, 1), "broker-kill", target, round(rng.uniform(5, 10), 1))
        found.append(fault)
        at = fault.end + rng.uniform(8, 12)
    return found


def alone(fault: Fault, faults: Sequence[Fault], margin: float) -> bool:
    """Whether nothing but the load is disturbed within `margin` seconds of a fault."""
    return not any(
        other is not fault
        and not lanes(other) <= {"load", "side"}
        and other.second < fault.end + margin
        and fault.second < other.end + margin
        for other in faults
    )


def records(faults: Sequence[Fault]) -> list[dict[str, Any]]:
    """The schedule as JSON has it."""
    return [fault._asdict() for fault in faults]
