"""A real cluster of embedded brokers, one or three nodes, each of which can be killed or stopped.

Every node is broker and controller. With three, everything is replicated three times and a write is
acknowledged by two at the least. Each node has a listener for players and auditors, and one for
each worker, whose advertised address is a port of the proxy (proxy.py), so that the network of
workers, or of one alone, can be disturbed and nobody else's.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Container, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from infra import node
from infra.broker import Broker, BrokerError, prepare
from infra.clients import make_client

_PORTS = range(21_000, 32_000)
"""Below those that the system gives to connections, so that a node that is down keeps its port."""
_ASK_MS = 3_000


class Node(Broker):
    """One node, which can be held as well as killed."""

    def __init__(
        self, directory: Path, port: int, behind: Sequence[int], jvm: list[str], seat: node.Seat
    ) -> None:
        """Prepare; `behind` are the ports of the listeners that have a proxy before them."""
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
            admin = make_client(
                KafkaAdminClient, there, bootstrap_timeout_ms=_ASK_MS, request_timeout_ms=_ASK_MS
            )
            yield admin
        except (KafkaError, KeyError, ValueError) as err:
            raise BrokerError(f"the brokers at {there} do not tell: {err}") from err
        finally:
            if admin is not None:
                admin.close()


@contextmanager
def running(folder: Path, proxies: Sequence[Sequence[int]]) -> Iterator[Cluster]:
    """Run a cluster for the length of a block; node N's data are in `folder/N`.

    `proxies` are for each worker the ports that it is told to connect to, one a node.

    Raises:
        BrokerError: it does not start.
    """
    jvm, count = prepare(), len(proxies[0])
    identity = node.new_cluster_id()
    numbers = range(1, count + 1)
    given = {port for of_worker in proxies for port in of_worker}
    ports = iter(ports_to_keep((2 + len(proxies)) * count, given))
    controllers = {number: next(ports) for number in numbers}
    with ExitStack() as undo:
        nodes = []
        for number in numbers:
            port, behind = next(ports), [next(ports) for _ in proxies]
            advertised = [of_worker[number - 1] for of_worker in proxies]
            more = _properties(count, port, controllers[number], behind, advertised)
            seat = node.Seat(number, identity, controllers, more)
            nodes.append(Node(folder / str(number), port, behind, jvm, seat))
        cluster = Cluster(nodes)
        for broker in nodes:
            undo.callback(broker.kill)
        cluster.heal()
        yield cluster


def ports_to_keep(count: int, given: Container[int] = ()) -> list[int]:
    """Different ports that are free, and that no connection is given by chance.

    `given` are promised to somebody who does not listen yet, and so look free.
    """
    drawn = random.sample(_PORTS, 4 * count + 40)
    return [port for port in drawn if port not in given and node.is_free(port)][:count]


def _properties(
    count: int, port: int, controller: int, behind: Sequence[int], advertised: Sequence[int]
) -> dict[str, str]:
    host = node.HOST
    copies, least = str(count), str(min(2, count))
    own = f"PLAINTEXT://{host}:{port}"

    def listeners(ports: Sequence[int]) -> list[str]:
        return [f"WORKER{number}://{host}:{port}" for number, port in enumerate(ports)]

    names = ["PLAINTEXT", "CONTROLLER", *(f"WORKER{number}" for number in range(len(behind)))]
    return {
        "listeners": ",".join([own, *listeners(behind), f"CONTROLLER://{host}:{controller}"]),
        "advertised.listeners": ",".join([own, *listeners(advertised)]),
        "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in names),
        "default.replication.factor": copies,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": least,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": least,
        "min.insync.replicas": least,
    }
