"""One Kafka node on disk and on the wire: its command line, its properties, its format, its ports.

It starts nothing that stays (infra/broker.py does).
"""

import base64
import contextlib
import fcntl
import re
import socket
import struct
import subprocess
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from .java import Java
from .listeners import Listeners

CONFIG = Path(__file__).absolute().parent / "kafka"
HOST = "127.0.0.1"
NODE = 1
HEAP = "512m"
HANDOVER = 6.0  # seconds within which a broker whose starter was killed has left its folder


@dataclass(frozen=True)
class Seat:
    """Which node of which cluster a node is; by default the only one of a cluster of its own."""

    number: int = NODE
    cluster: str = ""  # its id; "": a new one
    controllers: Mapping[int, int] = field(default_factory=dict)  # port by node; {}: itself alone
    more: Mapping[str, str] = field(default_factory=dict)  # properties that go before all others


ALONE = Seat()
PLAIN = Listeners()


def jvm(java: Java, jars: Iterable[Path]) -> list[str]:
    """Return the command that runs a class of Kafka: sized for a laptop, quick to start."""
    quiet = ["--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"]
    return [
        str(java.path),
        f"-Xmx{HEAP}",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",  # the quick compiler only: a test broker never lives long
        "-XX:-UsePerfData",
        "-XX:+ExitOnOutOfMemoryError",
        *(quiet if java.release >= 24 else []),  # newer ones warn about what Kafka's libraries do
        f"-Dlog4j2.configurationFile={CONFIG / 'log4j2.properties'}",
        "-cp",
        ":".join(map(str, jars)),
    ]


def write_properties(
    directory: Path,
    port: int,
    controller_port: int,
    listeners: Listeners = PLAIN,
    ports: Mapping[str, int] | None = None,
    seat: Seat = ALONE,
) -> Path:
    """Write what makes the node this node, below what every node has; return the file.

    `ports` are those of the listeners by name.
    """
    controllers = seat.controllers or {seat.number: controller_port}
    here, controller = f"{HOST}:{port}", f"{HOST}:{controllers[seat.number]}"
    more = "".join(f",{name}://{HOST}:{at}" for name, at in (ports or {}).items())
    own = {
        "node.id": seat.number,
        "controller.quorum.voters": ",".join(f"{n}@{HOST}:{p}" for n, p in controllers.items()),
        "listeners": f"PLAINTEXT://{here},CONTROLLER://{controller}{more}",
        "advertised.listeners": f"PLAINTEXT://{here}{more}",
        # Relative to the folder that the node runs in: Kafka would cut a path at its commas, and
        # read a properties file as Latin-1.
        "log.dirs": "data",
        **listeners.properties(),
        **seat.more,
    }
    file = directory / "node.properties"
    lines = "".join(f"{key}={value}\n" for key, value in own.items())
    file.write_text(f"{(CONFIG / 'node.properties').read_text('utf-8')}\n{lines}", "utf-8")
    return file


@contextlib.contextmanager
def alone(directory: Path) -> Iterator[int]:
    """Hold a node's folder, and yield the lock's descriptor for the process that is to keep it.

    Kafka's own lock stops nobody: a second node in the folder ruins the first one's metadata. The
    lock is free when nobody has the descriptor open any more. Raises BlockingIOError.
    """
    deadline = time.monotonic() + HANDOVER
    with (directory / "lock").open("a") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as err:
                if time.monotonic() > deadline:
                    raise BlockingIOError(
                        "another broker uses this folder; stop it, or choose another folder"
                    ) from err
                time.sleep(0.05)
            else:
                break
        yield lock.fileno()


def is_formatted(directory: Path) -> bool:
    """Whether the node's folder holds data already, which are then kept."""
    return (directory / "data" / "meta.properties").exists()


def new_cluster_id() -> str:
    """Return an id for a new cluster: 16 bytes in 22 characters."""
    # One that begins with "-" reads as an option.
    return "S" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]


def format_data(
    jvm: list[str],
    properties: Path,
    log: IO[bytes],
    more: Sequence[str] = (),
    cluster: str = "",
) -> None:
    """Make a data folder of a cluster, a new one if not told. Raises CalledProcessError."""
    cluster = cluster or new_cluster_id()
    arguments = ["format", "--cluster-id", cluster, "--config", str(properties), *more]
    subprocess.run(
        [*jvm, "kafka.tools.StorageTool", *arguments],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=properties.parent,
        check=True, timeout=60,
    )  # fmt: skip


def cluster_id(directory: Path) -> str:
    """Return the id of the cluster whose data the folder holds, "" when that cannot be read."""
    with contextlib.suppress(OSError):
        text = (directory / "data" / "meta.properties").read_text("utf-8", "replace")
        if found := re.search(r"^cluster\.id=(.+)$", text, re.MULTILINE):
            return found[1].strip()
    return ""


def describe_cluster(port: int) -> bytes:
    """Ask what listens on a port for its cluster; return the answer raw, empty when there is none.

    A node takes requests when it is ready for all of them, so one small request will do, and the
    cluster's id in the answer says that it is not some other broker which has the port.
    """
    # DescribeCluster (key 60) v0, correlation 1, no client id, no tags; operations not wanted.
    request = struct.pack(">hhihbbb", 60, 0, 1, -1, 0, 0, 0)
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            with connection.makefile("rb") as answers:
                (size,) = struct.unpack(">i", answers.read(4))
                return answers.read(size) if 0 < size < 65536 else b""
    except (OSError, struct.error):  # refused, silent, hung up, or not Kafka
        return b""


def free_ports(count: int) -> list[int]:
    """Return different ports that were free a moment ago, chosen by the system."""
    with contextlib.ExitStack() as held:
        taken = [held.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        return [listener.getsockname()[1] for listener in taken]


def is_free(port: int) -> bool:
    """Whether something could listen on a port now."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True
