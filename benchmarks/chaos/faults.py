"""What each kind of fault does: a script that acts, yields how long to wait, and acts again.

A script ends with what it disturbed mended or on its way back, `fault.seconds` after its beginning.
Roles (leader, controller, follower) are looked up when the fault begins; the first thing that a
script yields is whom it hit.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from infra.topics import Topics

from . import disks
from .cluster import Cluster, Node
from .crew import Crew, Worker
from .links import Links
from .schedule import Fault
from .scraper import Scraper

Script = Iterator["str | float"]
_LOOK = 0.1  # seconds between two looks at something that is waited for
_SWING = 4.0  # seconds between two changes of a storm


@dataclass
class Ground:
    """All that can be disturbed."""

    cluster: Cluster
    crew: Crew
    links: Links
    topics: Topics
    scraper: Scraper | None = None

    def worker(self, target: str) -> Worker:
        """The worker of `worker N`."""
        return self.crew.workers[int(target.split()[1])]

    def node(self, target: str) -> Node:
        """The broker of `broker N`, or the one that has a role now."""
        if target.startswith("broker "):
            return self.cluster.node(int(target.split()[1]))
        leader = self.cluster.leader(self.topics.events, 0)
        controller = self.cluster.controller()
        if target == "leader":
            return self.cluster.node(leader)
        if target == "controller":
            return self.cluster.node(controller)
        others = {node.number for node in self.cluster.nodes} - {leader, controller}
        return self.cluster.node(min(others))

    def heal(self) -> None:
        """Mend everything. Raises BrokerError when a broker does not come back."""
        self.links.become("well")
        for node in self.cluster.nodes:
            disks.empty(node.directory)
        self.cluster.heal()
        self.crew.heal()
        if self.scraper is not None:
            self.scraper.start()


def script(ground: Ground, fault: Fault) -> Script:
    """The script of a fault; it begins when it is first asked."""
    return SCRIPTS[fault.kind](ground, fault)


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
    yield from _until_over(lambda: not worker.alive, 20)
    worker.start()


def _worker_stop(ground: Ground, fault: Fault) -> Script:
    worker = ground.worker(fault.target)
    worker.hold()
    yield fault.target
    yield fault.seconds
    worker.release()


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
    yield from _until_over(lambda: "partitions begin at" in worker.child.said(), fault.seconds * 2)
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
    yield from _until_over(lambda: all(one.wanted or not one.alive for one in others), 20)
    for worker in others:
        worker.start()


def _broker_kill(ground: Ground, fault: Fault) -> Script:
    broker = ground.node(fault.target)
    broker.down()
    yield _named(fault, broker)
    yield fault.seconds
    broker.back()


def _broker_stop(ground: Ground, fault: Fault) -> Script:
    broker = ground.node(fault.target)
    broker.hold()
    yield _named(fault, broker)
    yield fault.seconds
    broker.release()


def _broker_lost(ground: Ground, fault: Fault) -> Script:
    """Kill a node and remove its data, once the others have all of it."""
    names = (ground.topics.events, ground.topics.recommendations)
    broker = ground.node(fault.target)
    yield _named(fault, broker)
    yield from _until_over(lambda: ground.cluster.in_sync(names), 5)
    broker.lose()
    yield fault.seconds
    broker.back()


def _quorum_loss(ground: Ground, fault: Fault) -> Script:
    stays = random.Random(repr(fault)).choice(ground.cluster.nodes)
    fallen = [broker for broker in ground.cluster.nodes if broker is not stays]
    for broker in fallen:
        broker.down()
    yield "brokers " + " and ".join(str(broker.number) for broker in fallen)
    yield fault.seconds
    for broker in fallen:
        broker.back()


def _disk_full(ground: Ground, fault: Fault) -> Script:
    broker = ground.node(fault.target)
    broker.wanted = False  # Kafka ends itself when it cannot write, and must not be started yet
    disks.fill(broker.directory)
    yield _named(fault, broker)
    yield fault.seconds
    disks.empty(broker.directory)
    broker.down()  # it may live on without its disk: whoever makes room starts it again
    broker.back()


def _link(mood: str) -> Callable[[Ground, Fault], Script]:
    def disturbed(ground: Ground, fault: Fault) -> Script:
        broker = None if fault.target == "all" else int(fault.target.split()[1])
        ground.links.become(mood, broker)
        yield "all links" if broker is None else f"link of {fault.target}"
        yield fault.seconds
        ground.links.become("well", broker)

    return disturbed


def _burst(_: Ground, fault: Fault) -> Script:
    """Wait only: the players have their bursts from the schedule."""
    yield fault.target
    yield fault.seconds


def _prometheus_down(ground: Ground, fault: Fault) -> Script:
    assert ground.scraper is not None
    ground.scraper.kill()
    yield fault.target
    yield fault.seconds
    ground.scraper.start()


SCRIPTS: dict[str, Callable[[Ground, Fault], Script]] = {
    "worker-kill": _worker_kill,
    "worker-term": _worker_term,
    "worker-stop": _worker_stop,
    "worker-lost": _worker_lost,
    "kill-at-start": _kill_at_start,
    "kill-in-recovery": _kill_in_recovery,
    "storm": _storm,
    "broker-kill": _broker_kill,
    "broker-stop": _broker_stop,
    "broker-lost": _broker_lost,
    "quorum-loss": _quorum_loss,
    "disk-full": _disk_full,
    "link-delay": _link("delay"),
    "link-resets": _link("resets"),
    "link-half-open": _link("half-open"),
    "link-cut": _link("cut"),
    "burst": _burst,
    "prometheus-down": _prometheus_down,
}


def _until_over(condition: Callable[[], bool], seconds: float) -> Script:
    """Wait for something, `seconds` at the most."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        yield _LOOK


def _named(fault: Fault, broker: Node) -> str:
    here = f"broker {broker.number}"
    return here if fault.target == here else f"{here}, {fault.target}"
