"""What happens to brokers: scripts, as faults.py has them."""

from __future__ import annotations

import random

from . import disks
from .cluster import Node
from .ground import Ground, Script, until_over
from .schedule import Fault


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
    yield from until_over(lambda: ground.cluster.in_sync(names), 5)
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


def _named(fault: Fault, broker: Node) -> str:
    here = f"broker {broker.number}"
    return here if fault.target == here else f"{here}, {fault.target}"


SCRIPTS = {
    "broker-kill": _broker_kill,
    "broker-stop": _broker_stop,
    "broker-lost": _broker_lost,
    "quorum-loss": _quorum_loss,
    "disk-full": _disk_full,
}
