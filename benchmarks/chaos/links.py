"""The links between workers and brokers, as the one who disturbs them has them (see proxy.py)."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Sequence

from infra.broker import BrokerError

from ..demo.processes import Processes
from ..demo.scrape import announced
from .proxy import HOST

_SECONDS = 20.0


class Links:
    """A proxy in a process of its own: each worker has a link of its own to each broker."""

    def __init__(
        self, processes: Processes, ports: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
    ) -> None:
        """Start the proxy.

        Args:
            processes: it is one of these.
            ports: for each worker, what it connects to, one a broker.
            targets: for each worker, the brokers' own ports.

        Raises:
            BrokerError: it does not start.
        """
        self.ports = ports
        pairs = [
            f"{port}:{target}"
            for mine, theirs in zip(ports, targets, strict=True)
            for port, target in zip(mine, theirs, strict=True)
        ]
        command = [sys.executable, "-m", "benchmarks.chaos.proxy", *pairs]
        self._child = processes.start("proxy", command)
        deadline = time.monotonic() + _SECONDS
        while (control := announced(self._child, r"^control at (\d+)$")) is None:
            if self._child.status is not None or time.monotonic() > deadline:
                raise BrokerError(f"the proxy did not start; it said:\n{self._child.tail()}")
            time.sleep(0.05)
        self._control = int(control)

    def bootstrap(self, worker: int) -> str:
        """Where a worker connects."""
        return ",".join(f"{HOST}:{port}" for port in self.ports[worker])

    def become(self, mood: str, *, broker: int | None = None, worker: int | None = None) -> None:
        """Give links their mood: those of a broker or of a worker, by its number; else all.

        Raises:
            BrokerError: the proxy is gone.
        """
        brokers = len(self.ports[0])
        chosen = [
            of * brokers + to
            for of in range(len(self.ports))
            for to in range(brokers)
            if worker in (None, of) and broker in (None, to + 1)
        ]
        asked = {"links": chosen, "mood": mood}
        try:
            with (
                socket.create_connection((HOST, self._control), _SECONDS) as connection,
                connection.makefile("rwb") as lines,
            ):
                lines.write(json.dumps(asked).encode() + b"\n")
                lines.flush()
                answer = lines.readline()
        except OSError as err:
            raise BrokerError(f"the proxy does not answer: {err}:\n{self._child.tail()}") from err
        if not answer:
            raise BrokerError(f"the proxy does not know {asked}:\n{self._child.tail()}")
