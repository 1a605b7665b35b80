"""Links: each worker has its own to each broker, so that one worker alone can be cut off."""

import socket
import threading
from collections.abc import Iterator

import pytest

from benchmarks.chaos.links import Links
from benchmarks.chaos.proxy import HOST
from benchmarks.demo.processes import Processes
from infra.node import free_ports

WORKERS, BROKERS = range(2), range(3)


@pytest.fixture
def links(tmp_path) -> Iterator[Links]:
    """Links to brokers that say who they are."""
    brokers = [socket.create_server((HOST, 0)) for _ in BROKERS]

    def serve(number: int) -> None:
        while True:
            try:
                connection, _ = brokers[number].accept()
            except OSError:  # closed
                return
            with connection:
                connection.sendall(str(number).encode())

    threads = [threading.Thread(target=serve, args=(number,)) for number in BROKERS]
    for thread in threads:
        thread.start()
    behind = [broker.getsockname()[1] for broker in brokers]
    ports = free_ports(len(WORKERS) * len(BROKERS))
    proxies = [ports[: len(BROKERS)], ports[len(BROKERS) :]]
    with Processes(tmp_path) as processes:
        yield Links(processes, proxies, [behind, behind])
    for broker in brokers:
        broker.shutdown(socket.SHUT_RDWR)
        broker.close()
    for thread in threads:
        thread.join(10)


def reached(links: Links, worker: int) -> list[str]:
    """The brokers that a worker can talk to."""
    found = []
    for address in links.bootstrap(worker).split(","):
        host, port = address.split(":")
        try:
            with socket.create_connection((host, int(port)), 10) as connection:
                found.append(connection.recv(10).decode())
        except ConnectionResetError:
            continue
    return [name for name in found if name]


def test_one_worker_is_cut_off_alone_and_reaches_all_brokers_again(links):
    links.become("cut", worker=1)
    assert (reached(links, 0), reached(links, 1)) == (["0", "1", "2"], [])
    links.become("well", worker=1)
    assert reached(links, 1) == ["0", "1", "2"]


def test_a_broker_is_cut_off_from_all_workers_and_all_from_all(links):
    links.become("cut", broker=2)
    assert [reached(links, worker) for worker in WORKERS] == [["0", "2"]] * 2
    links.become("cut")
    assert [reached(links, worker) for worker in WORKERS] == [[]] * 2
    links.become("well")
    assert [reached(links, worker) for worker in WORKERS] == [["0", "1", "2"]] * 2
