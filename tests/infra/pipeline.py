"""Kafka and a worker in containers, run as docker-compose.yml says: user, disk, limits, listeners.

Not a copy of Compose: one container of each, the worker with a bundle of its own.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from infra.node import free_ports
from tests.infra.compose import ROOT, services

IMAGES = ROOT / "infra" / "docker" / "images.sh"


@dataclass(frozen=True)
class Pipeline:
    """Where the running pair is reached from this machine."""

    bootstrap: str
    metrics: str  # URL
    worker: DockerContainer


def images() -> tuple[str, str]:
    """Kafka's image and the worker's: given by the environment, else made here by images.sh."""
    given = os.environ.get("SEGUE_KAFKA_IMAGE"), os.environ.get("SEGUE_WORKER_IMAGE")
    if given[0] and given[1]:
        return given[0], given[1]
    made = subprocess.run(
        [IMAGES, "all"],
        env={**os.environ, "PYTHON": sys.executable},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if made.returncode == 0:
        return "segue-test/kafka:4.3.1", "segue-test/worker:0.1.0"
    reason = f"the images could not be made: {made.stdout[-1500:]}"
    if made.returncode == 3 and not os.environ.get("CI"):
        pytest.skip(reason)
    pytest.fail(reason)


def container(name: str, image: str, network: Network, **environment: str) -> DockerContainer:
    """A service of docker-compose.yml as a container that is not started yet."""
    service = services(**environment)[name]
    settings = ("read_only", "cap_drop", "security_opt", "mem_limit", "pids_limit", "init", "user")
    made = DockerContainer(image, **{key: service[key] for key in settings})
    made.with_network(network).with_network_aliases(name).with_command(service.get("command", []))
    made.with_envs(**{key: str(value) for key, value in service["environment"].items()})
    for place in service["tmpfs"]:
        made.with_tmpfs_mount(*place.split(":", 1))
    for volume in service.get("volumes", []):
        source, target = volume.split(":")[:2]
        if source.startswith("."):
            made.with_volume_mapping(ROOT / source, target)
        else:  # what a named volume keeps may be forgotten here
            uid, gid = service["user"].split(":")
            made.with_tmpfs_mount(target, f"uid={uid},gid={gid},mode=0755")
    return made


def until(ready: Callable[[], bool], seconds: float, what: str, who: DockerContainer) -> None:
    """Poll to a deadline; what the container said is in the error."""
    deadline = time.monotonic() + seconds
    while (exited := who.status == "exited") or not ready():
        if exited or time.monotonic() > deadline:
            out, errors = who.get_logs()
            tail = (out + errors).decode(errors="replace")[-3000:]
            raise AssertionError(f"not within {seconds:.0f} s: {what}\n{tail}")
        time.sleep(0.2)


def healthy(container: DockerContainer) -> bool:
    """Whether the image's own health check says so."""
    wrapped = container.get_wrapped_container()
    wrapped.reload()
    return bool(wrapped.health == "healthy")


@contextmanager
def pipeline(bundle: Path) -> Iterator[Pipeline]:
    """Run Kafka, make the topics, run a worker on a bundle; everything is gone afterwards."""
    testcontainers_config.ryuk_disabled = True  # one image less to pull; the stack below ends ours
    kafka_image, worker_image = images()
    port, metrics_port = free_ports(2)
    with ExitStack() as stack:
        network = stack.enter_context(Network())
        kafka = container("kafka", kafka_image, network, SEGUE_KAFKA_PORT=str(port))
        kafka.with_bind_ports(19092, port)
        stack.enter_context(kafka)

        def listens() -> bool:
            return kafka.exec(["bash", "-c", "</dev/tcp/127.0.0.1/9092"]).exit_code == 0

        until(listens, 60, "Kafka listens", kafka)
        topics = stack.enter_context(container("topics", worker_image, network))
        assert topics.wait() == 0, topics.get_logs()
        worker = container("worker", worker_image, network)
        worker.with_volume_mapping(bundle, "/bundle").with_bind_ports(9100, metrics_port)
        command = services()["worker"]["command"]
        at = command.index("--name")
        worker.with_command([*command[:at], "--bundle", "/bundle", *command[at + 2 :]])
        stack.enter_context(worker)
        until(lambda: healthy(worker), 90, "the worker is healthy", worker)
        yield Pipeline(f"127.0.0.1:{port}", f"http://127.0.0.1:{metrics_port}", worker)
