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
    """A proxy in a process of its own; `ports` are what workers connect to, one a broker."""

    def __init__(self, processes: Processes, ports: Sequence[int], targets: Sequence[int]) -> None:
        """Start the proxy.

        Raises:
            BrokerError: it does not start.
        """
        self.ports = ports
        pairs = [f"{port}:{target}" for port, target in zip(ports, targets, strict=True)]
        command = [sys.executable, "-m", "benchmarks.chaos.proxy", *pairs]
        self._child = processes.start("proxy", command)
        deadline = time.monotonic() + _SECONDS
        while (control := announced(self._child, r"^control at (\d+)$")) is None:
            if self._child.status is not None or time.monotonic() > deadline:
                raise BrokerError(f"the proxy did not start; it said:\n{self._child.tail()}")
            time.sleep(0.05)
        self._control = int(control)

    @property
    def bootstrap(self) -> str:
        """Where workers connect."""
        return ",".join(f"{HOST}:{port}" for port in self.ports)

    def become(self, mood: str, broker: int | None = None) -> None:
        """Give a link its mood, by the number of its broker; without one, every link.

        Raises:
            BrokerError: the proxy is gone.
        """
        asked = {"link": None if broker is None else broker - 1, "mood": mood}
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
