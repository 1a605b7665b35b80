"""What happens to workers: scripts, as faults.py has them."""

from __future__ import annotations

import random

from .ground import Ground, Script, until_over
from .schedule import Fault

_CUTS = ("cut", "half-open")
_SWING = 4.0  # seconds between two changes of a storm


def _worker_kill(ground: Ground, fault: Fault) -> Script:
    ground.worker(fault.target).kill()
    yield fault.target
    yield fault.seconds
    ground.worker(fault.target).start()


def _worker_lost(ground: Ground, fault: Fault) -> Script:
    ground.worker(fault.target).lose()
    yield fault.target
    yield fault.seconds
    ground.worker(fault.target).start()


def _worker_term(ground: Ground, fault: Fault) -> Script:
    worker = ground.worker(fault.target)
    worker.terminate()
    yield fault.target
    yield fault.seconds
    yield from until_over(lambda: not worker.alive, 20)
    worker.start()


def _worker_stop(ground: Ground, fault: Fault) -> Script:
    worker = ground.worker(fault.target)
    worker.hold()
    yield fault.target
    yield fault.seconds
    worker.release()


def _worker_cut(ground: Ground, fault: Fault) -> Script:
    """Take the network of one worker alone: it lives on, and the others take what it had.

    When the link is back it writes what it had on its way, late, before it learns that it was put
    out of its group.
    """
    mood, number = random.Random(repr(fault)).choice(_CUTS), ground.worker(fault.target).number
    ground.links.become(mood, worker=number)
    yield f"{fault.target}, {mood}"
    yield fault.seconds
    ground.links.become("well", worker=number)


def _kill_at_start(ground: Ground, fault: Fault) -> Script:
    """Kill, start, and kill again while it starts or recovers."""
    worker, rng = ground.worker(fault.target), random.Random(repr(fault))
    worker.kill()
    yield fault.target
    worker.start()
    early = rng.uniform(0.3, 4.0)
    yield early
    worker.kill()
    yield max(0.5, fault.seconds - early)
    worker.start()


def _kill_in_recovery(ground: Ground, fault: Fault) -> Script:
    """Kill, start, and kill again as soon as it has partitions: it recovers, or has just begun."""
    worker, rng = ground.worker(fault.target), random.Random(repr(fault))
    worker.kill()
    yield fault.target
    worker.start()
    yield from until_over(lambda: "partitions begin at" in worker.child.said(), fault.seconds * 2)
    yield rng.uniform(0.0, 0.5)
    worker.kill()
    yield 0.5
    worker.start()


def _storm(ground: Ground, fault: Fault) -> Script:
    """All workers but one go and come, again and again."""
    _, *others = ground.crew.workers
    yield f"{len(others)} workers"
    for number in range(max(2, int(fault.seconds / _SWING))):
        for worker in others:
            if number % 2:
                worker.start()
            else:
                worker.terminate()
        yield _SWING
    yield from until_over(lambda: all(one.wanted or not one.alive for one in others), 20)
    for worker in others:
        worker.start()


SCRIPTS = {
    "worker-kill": _worker_kill,
    "worker-term": _worker_term,
    "worker-stop": _worker_stop,
    "worker-lost": _worker_lost,
    "worker-cut": _worker_cut,
    "kill-at-start": _kill_at_start,
    "kill-in-recovery": _kill_in_recovery,
    "storm": _storm,
}
