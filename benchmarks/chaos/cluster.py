"""A real cluster of embedded brokers, one or three nodes, each of which can be killed or stopped.

Every node is broker and controller. With three, everything is replicated three times and a write is
acknowledged by two at the least. Each node has two listeners: one for players and auditors, and one
for workers, whose advertised address is a port of the proxy (proxy.py), so that their network can
be disturbed and nobody else's.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from infra import node
from infra.broker import Broker, BrokerError, prepare

_PORTS = range(21_000, 32_000)
"""Below those that the system gives to connections, so that a node that is down keeps its port."""
_ASK_MS = 3_000


class Node(Broker):
    """One node, which can be held as well as killed."""

    def __init__(
        self, directory: Path, port: int, behind: int, jvm: list[str], seat: node.Seat
    ) -> None:
        """Prepare; `behind` is the port of the listener that has a proxy before it."""
        super().__init__(directory, port, jvm, temporary=False, seat=seat)
        self.number, self.behind = seat.number, behind
        self.wanted = True  # up: one that ended by itself is launched again
        self._held = False

    @property
    def up(self) -> bool:
        """Whether it runs and is not held."""
        return self.alive and not self._held

    def down(self) -> None:
        """SIGKILL; it stays down until `back`."""
        self.wanted = self._held = False
        self.kill()

    def back(self) -> None:
        """Launch it again, and do not wait."""
        self.wanted = True
        if not self.alive:
            self.launch()

    def hold(self) -> None:
        """SIGSTOP: its connections stay open and nothing answers."""
        self._held = True
        self._send(signal.SIGSTOP)

    def release(self) -> None:
        """SIGCONT."""
        self._held = False
        self._send(signal.SIGCONT)

    def lose(self) -> None:
        """Kill it and remove all that it had; it comes back with nothing."""
        self.down()
        shutil.rmtree(self.directory / "data", ignore_errors=True)

    def _send(self, number: signal.Signals) -> None:
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Cluster:
    """The nodes, and who of them leads what."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes

    @property
    def bootstrap(self) -> str:
        """Where players and auditors connect."""
        return ",".join(broker.bootstrap for broker in self.nodes)

    @property
    def replication(self) -> int:
        """Copies of everything."""
        return len(self.nodes)

    def node(self, number: int) -> Node:
        """The node of a number; they begin at 1."""
        return self.nodes[number - 1]

    def leader(self, topic: str, partition: int) -> int:
        """The node that leads a partition. Raises BrokerError."""
        with self._admin() as admin:
            (described,) = admin.describe_topics([topic])
            found = {p["partition_index"]: p["leader_id"] for p in described["partitions"]}
        return int(found[partition])

    def controller(self) -> int:
        """The node that leads the quorum. Raises BrokerError."""
        with self._admin() as admin:
            (topic,) = admin.describe_metadata_quorum()["topics"]
            return int(topic["partitions"][0]["leader_id"])

    def in_sync(self, topics: Sequence[str]) -> bool:
        """Whether every replica of these topics has everything."""
        try:
            with self._admin() as admin:
                described = admin.describe_topics(list(topics))
        except BrokerError:
            return False
        partitions = [p for topic in described for p in topic["partitions"]]
        return all(len(p["isr_nodes"]) == self.replication for p in partitions)

    def look(self) -> list[int]:
        """Launch again what should be up and is not; give the numbers of those."""
        fallen = [broker for broker in self.nodes if broker.wanted and not broker.alive]
        for broker in fallen:
            broker.launch()
        return [broker.number for broker in fallen]

    def heal(self, seconds: float = 90.0) -> None:
        """Bring every node back and wait until all answer. Raises BrokerError."""
        deadline = time.monotonic() + seconds
        for broker in self.nodes:
            broker.release()
            broker.back()
        for broker in self.nodes:
            while not broker.answers_before(deadline):
                if time.monotonic() > deadline:
                    raise BrokerError(
                        f"node {broker.number} did not answer within {seconds:g} s of the last "
                        f"fault; last lines of {broker.directory / 'kafka.log'}:\n"
                        f"{broker.log_tail()}"
                    )
                broker.back()

    @contextmanager
    def _admin(self) -> Iterator[KafkaAdminClient]:
        there = ",".join(broker.bootstrap for broker in self.nodes if broker.up)
        admin = None
        try:
            admin = KafkaAdminClient(
                bootstrap_servers=there, bootstrap_timeout_ms=_ASK_MS, request_timeout_ms=_ASK_MS
            )
            yield admin
        except (KafkaError, KeyError, ValueError) as err:
            raise BrokerError(f"the brokers at {there} do not tell: {err}") from err
        finally:
            if admin is not None:
                admin.close()


@contextmanager
def running(folder: Path, proxies: Sequence[int]) -> Iterator[Cluster]:
    """Run a cluster for the length of a block; node N's data are in `folder/N`.

    `proxies` are the ports that workers are told to connect to, one a node.

    Raises:
        BrokerError: it does not start.
    """
    jvm, count = prepare(), len(proxies)
    identity = node.new_cluster_id()
    numbers = range(1, count + 1)
    ports = ports_to_keep(3 * count)
    controllers = dict(zip(numbers, ports[:count], strict=True))
    with ExitStack() as undo:
        nodes = []
        for number, port, behind, proxy in zip(
            numbers, ports[count : 2 * count], ports[2 * count :], proxies, strict=True
        ):
            more = _properties(count, port, behind, controllers[number], proxy)
            seat = node.Seat(number, identity, controllers, more)
            nodes.append(Node(folder / str(number), port, behind, jvm, seat))
        cluster = Cluster(nodes)
        for broker in nodes:
            undo.callback(broker.kill)
        cluster.heal()
        yield cluster


def ports_to_keep(count: int) -> list[int]:
    """Different ports that are free, and that no connection is given by chance."""
    found = [port for port in random.sample(_PORTS, 4 * count + 40) if node.is_free(port)]
    return found[:count]


def _properties(count: int, port: int, behind: int, controller: int, proxy: int) -> dict[str, str]:
    host = node.HOST
    copies, least = str(count), str(min(2, count))
    return {
        "listeners": f"PLAINTEXT://{host}:{port},PROXIED://{host}:{behind},"
        f"CONTROLLER://{host}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{host}:{port},PROXIED://{host}:{proxy}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,"
        "CONTROLLER:PLAINTEXT",
        "default.replication.factor": copies,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": least,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": least,
        "min.insync.replicas": least,
    }
