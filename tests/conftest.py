"""What every room's tests share: a real broker, topics of their own, the real data, the profiles.

Kafka is never mocked. Where something real cannot be had, a test that needs it is skipped with the
reason; a broker that cannot be had fails the test when `CI` is set.
"""

import os
import re
import socket
import sys
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
CI = bool(os.environ.get("CI"))
PARTITIONS = 4

settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if CI else "dev")


def pytest_configure(config):
    # kafka-python reads its schemas by functions of importlib that Python 3.11 alone deprecates.
    old = "ignore:(read|open)_text is deprecated:DeprecationWarning"
    config.addinivalue_line("filterwarnings", old)


@cache
def engine_answers() -> bool:
    """Whether a Docker engine can be reached the way testcontainers reaches it."""
    import docker  # type: ignore[import-untyped]

    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if host.startswith("unix://"):
        # Without an engine `from_env` leaks its socket, which ends pytest with an error.
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5)
            try:
                probe.connect(host.removeprefix("unix://"))
            except OSError:
                return False
    try:
        client = docker.from_env(timeout=5)
    except docker.errors.DockerException:
        return False
    client.close()
    return True


def broker_kind() -> str:
    """Which of the three real brokers this run uses."""
    if os.environ.get("KAFKA_BOOTSTRAP"):
        return "existing"
    wanted = os.environ.get("SEGUE_TEST_BROKER", "embedded")
    if wanted not in ("embedded", "container"):
        raise pytest.UsageError(f"SEGUE_TEST_BROKER={wanted}: expected embedded or container")
    return wanted if wanted == "embedded" or engine_answers() else "embedded"


def pytest_report_header():
    where = os.environ.get("KAFKA_BOOTSTRAP", "")
    return f"kafka: {broker_kind()} {where}".rstrip() + f"; hypothesis: {'ci' if CI else 'dev'}"


def pytest_collection_modifyitems(items):
    """Mark what uses the fixtures, so that `-m "not broker"` needs no discipline."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "broker" in fixtures:
            item.add_marker("broker")
        if "data_dir" in fixtures:
            item.add_marker("data")


def pytest_runtest_setup(item):
    # What a test draws without a seed must not depend on which tests ran before it.
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)
    if item.get_closest_marker("container") and not engine_answers():
        pytest.skip("no Docker engine answers; `infra/docker/engine.sh start` starts one as root")
    if item.get_closest_marker("gpu") and not Path("/dev/nvidiactl").exists():
        pytest.skip("no CUDA device here")


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """Where a real broker listens: HOST:PORT. It is shared, so never stop it."""
    from infra.broker import BrokerError

    try:
        opened = _open_broker()
        bootstrap = opened.__enter__()
    except BrokerError as err:
        if CI:
            pytest.fail(f"no broker for the tests: {err}")
        pytest.skip(f"no broker for the tests: {str(err).splitlines()[0][:200]}")
    try:
        yield bootstrap
    finally:
        opened.__exit__(None, None, None)


def _open_broker() -> AbstractContextManager[str]:
    from infra.greeting import require_listener
    from tests.brokers import container_broker, embedded_broker

    kind = broker_kind()
    if kind == "existing":
        bootstrap = os.environ["KAFKA_BOOTSTRAP"]
        require_listener(bootstrap)
        return nullcontext(bootstrap)
    return container_broker() if kind == "container" else embedded_broker()


@pytest.fixture
def prefix(request) -> str:
    """What makes this test's topic names its own."""
    name = re.sub(r"[^a-zA-Z0-9_-]+", "-", request.node.name)[:80]
    return f"{name}-{uuid.uuid4().hex[:8]}."


@pytest.fixture
def topics(broker, prefix):
    """The topics of the contract, made for this test alone with PARTITIONS partitions."""
    from infra.topics import Topics, create
    from tests.brokers import delete_topics

    named = Topics.named(prefix)
    create(broker, named, PARTITIONS, 1)
    yield named
    delete_topics(broker, prefix)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets; none of them belongs to the project."""
    asked = os.environ.get("SEGUE_DATA")
    folder = Path(asked) if asked else ROOT.parent / "shared" / "data"
    if folder.is_dir():
        return folder
    if asked:
        pytest.fail(f"SEGUE_DATA={asked} is not a folder")
    pytest.skip(f"needs the real data sets: {folder} does not exist and SEGUE_DATA is not set")
