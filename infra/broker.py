"""An embedded broker: real Apache Kafka in KRaft mode, one node, for tests, demos and a laptop.

It needs no installation (infra/java.py, infra/jars.py), listens on loopback only, and ends with the
process that started it (infra/leash.py). It is not a production broker, and nothing here configures
one. A node's folder holds `data/`, `node.properties`, `kafka.log` and `lock`.
"""

import contextlib
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from . import jars, java, node
from .listeners import Listeners

logger = logging.getLogger(__name__)

LEASH = Path(__file__).absolute().with_name("leash.py")
TAKEN = "Address already in use"
ADVICE = {  # what Kafka writes -> what to do about it
    TAKEN: "the port is taken: choose another, or stop what listens there",
    "meta.properties": "the folder's data are damaged or another node's: move them away",
    "No space left on device": "the disk is full: make room, or choose a folder on another disk",
    "insufficient memory": "there is not enough memory: a broker needs about 400 MB",
}


class BrokerError(RuntimeError):
    """The broker is not there, or could not be started."""


class Broker:
    """One Kafka node as a child process, in a folder that outlives it; `embedded` makes one.

    `kill` and `start` serve fault tests: a node comes back on its port with its data. One of
    several (`seat`) is launched, and waited for later.
    """

    def __init__(
        self,
        directory: Path,
        port: int,
        jvm: list[str],
        temporary: bool,
        listeners: Listeners = node.PLAIN,
        seat: node.Seat = node.ALONE,
    ) -> None:
        self.directory, self.port, self._asked = directory, port, port  # 0: any that is free
        self._jvm, self._temporary = jvm, temporary
        self._listeners, self._seat = listeners, seat
        self._ports: dict[str, int] = {}
        self._answered = False  # ever
        self._leash: subprocess.Popen[bytes] | None = None
        self._lifeline: socket.socket | None = None
        self._pid = self._log_began = 0

    @property
    def bootstrap(self) -> str:
        """Where clients connect: `127.0.0.1:PORT`."""
        return f"{node.HOST}:{self.port}"

    def address(self, listener: str) -> str:
        """Where clients of one of its further listeners connect: `127.0.0.1:PORT`."""
        return f"{node.HOST}:{self._ports[listener]}"

    @property
    def pid(self) -> int:
        """The process id of the Java process that is, or was, the broker."""
        return self._pid

    @property
    def alive(self) -> bool:
        """Whether the process runs; it may still not answer."""
        return self._leash is not None and self._leash.poll() is None

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines that the node wrote since it was last started."""
        try:
            with (self.directory / "kafka.log").open("rb") as log:
                log.seek(max(self._log_began, log.seek(0, os.SEEK_END) - 64 * 1024))
                written = log.read().decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(written.splitlines()[-lines:])

    def start(self, timeout: float = 60.0) -> None:
        """Start the node, or start it again, and return when it answers.

        Raises BrokerError, with the last lines of its log, when it does not within `timeout` s.
        """
        if self.alive:
            raise ValueError(f"the broker on {self.bootstrap} already runs; stop or kill it first")
        deadline = time.monotonic() + timeout
        while True:
            self.launch()
            if self.answers_before(deadline):
                logger.info("Kafka %s answers on %s", jars.VERSION, self.bootstrap)
                return
            status = self._leash.poll() if self._leash else None
            self.kill()
            if not self._lost_a_race() or time.monotonic() > deadline:
                raise self._refusal(status, timeout)

    def stop(self, grace: float = 15.0) -> None:
        """End the node in good order; kill it when that takes over `grace` seconds."""
        self._signal(signal.SIGTERM)
        if self._leash is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._leash.wait(grace)
        self.kill()

    def kill(self) -> None:
        """End the node at once, as a power cut would; its folder stays as it is."""
        self._signal(signal.SIGKILL)
        if self._lifeline is not None and not self._pid:
            self._lifeline.close()  # interrupted before the id was known: the leash ends it
        if self._leash is not None:
            self._leash.wait()
        if self._lifeline is not None:
            self._lifeline.close()

    def restart(self, timeout: float = 60.0) -> None:
        """End the node in good order and start it on the same port and data. Raises BrokerError."""
        self.stop()
        self.start(timeout)

    def _signal(self, number: signal.Signals) -> None:
        if self._pid and self.alive:  # 0 would be our own process group
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, number)

    def launch(self) -> None:
        """Start the process, or start it again, and do not wait. Raises BrokerError."""
        named = self._listeners.named
        ports = node.free_ports(2 + len(named))
        if not self._asked and not self._answered:
            self.port = ports[0]
        if not self._answered:
            self._ports = dict(zip(named, ports[2:], strict=True))
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with (
                node.alone(self.directory) as lock,
                (self.directory / "kafka.log").open("ab") as log,
            ):
                self._log_began = log.tell()
                own = (self._listeners, self._ports, self._seat)
                properties = node.write_properties(self.directory, self.port, ports[1], *own)
                if not node.is_formatted(self.directory):
                    users = self._listeners.format_arguments()
                    node.format_data(self._jvm, properties, log, users, self._seat.cluster)
                command = [*self._jvm, "kafka.Kafka", str(properties)]
                self._leash_out(command, log.fileno(), lock)
        except (OSError, subprocess.SubprocessError) as err:
            raise BrokerError(
                self._told(f"Kafka could not start in {self.directory}: {err}")
            ) from err

    def _leash_out(self, command: list[str], log: int, lock: int) -> None:
        self._pid = 0
        self._lifeline, theirs = socket.socketpair()
        with theirs:
            abandoned = str(self.directory) if self._temporary else ""
            self._leash = subprocess.Popen(
                [sys.executable, "-I", "-S", LEASH, str(theirs.fileno()), abandoned, *command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.directory, pass_fds=[theirs.fileno(), lock], start_new_session=True,
            )  # fmt: skip
        with self._lifeline.makefile("rb") as answers:
            told = answers.readline()
        if not told:
            self._leash.wait()
            raise OSError(f"{command[0]} could not be run")
        self._pid = int(told)

    def answers_before(self, deadline: float) -> bool:
        """Wait until the node answers; False when it ended, or the time did (time.monotonic)."""
        mine = node.cluster_id(self.directory).encode()
        while self.alive and time.monotonic() < deadline:
            if mine and mine in node.describe_cluster(self.port):
                self._answered = True
                return True
            time.sleep(0.05)
        return False

    def _lost_a_race(self) -> bool:
        """Whether a port was lost to somebody in the moment between choosing and taking it.

        A client that keeps asking for a broker that is down may even be given that broker's port.
        """
        if TAKEN not in self.log_tail():
            return False
        return not self._asked or self._answered or node.is_free(self._asked)

    def _refusal(self, status: int | None, timeout: float) -> BrokerError:
        how = f"did not answer within {timeout:g} s" if status is None else f"ended with {status}"
        return BrokerError(self._told(f"Kafka on {self.bootstrap} {how}"))

    def _told(self, what: str) -> str:
        tail = self.log_tail()
        advice = next((f"; {told}" for seen, told in ADVICE.items() if seen in tail), "")
        lines = f"\nlast lines of {self.directory / 'kafka.log'}:\n{tail}" if tail else ""
        return what + advice + lines


@contextlib.contextmanager
def embedded(
    port: int = 0,
    directory: Path | None = None,
    *,
    timeout: float = 60.0,
    progress: jars.Progress = jars.silent,
    listeners: Listeners = node.PLAIN,
) -> Iterator[Broker]:
    """Run a broker for the length of a `with` block.

    Port 0 is any free one; data are temporary without a folder, and one that is given keeps
    them for a later broker. Raises BrokerError when it cannot start.
    """
    jvm = prepare(progress)
    with contextlib.ExitStack() as undo:
        if directory is None:
            folder = Path(tempfile.mkdtemp(prefix="segue-kafka-"))
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
        else:
            folder = directory.absolute()
        broker = Broker(folder, port, jvm, directory is None, listeners)
        undo.callback(broker.stop)
        progress("start Kafka", 0, 0)
        broker.start(timeout)
        yield broker


def prepare(progress: jars.Progress = jars.silent) -> list[str]:
    """Find a Java and fetch Kafka's jars where they are not there; return the JVM's command line.

    Raises BrokerError when one of the two cannot be had.
    """
    try:
        return node.jvm(java.find(), jars.resolve(progress))
    except (OSError, ImportError) as err:
        raise BrokerError(f"the embedded broker cannot run here: {err}") from err
