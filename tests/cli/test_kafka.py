import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.greeting import require_listener

pytestmark = pytest.mark.broker
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("kafka")


@contextmanager
def kafka_up(*args):
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "kafka", "up", *args],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(("asked", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_says_ready_and_nothing_else_and_ends_when_asked(folder, asked, code):
    (folder / "data" / ".kafka_cleanshutdown").unlink(missing_ok=True)
    with kafka_up("--port", "0", "--dir", str(folder)) as process:
        ready = process.stdout.readline()
        word, bootstrap = ready.split()
        assert (word, ready[-1]) == ("ready", "\n")
        require_listener(bootstrap)
        process.send_signal(asked)
        out, err = process.communicate(timeout=60)
    assert (out, process.returncode) == ("", code)
    assert "start Kafka ..." in err.splitlines()
    assert "Traceback" not in err
    assert (folder / "data" / "meta.properties").exists()
    assert (folder / "data" / ".kafka_cleanshutdown").exists()


def test_a_port_that_is_taken_is_3_and_says_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        with kafka_up("--port", port) as process:
            out, err = process.communicate(timeout=60)
    assert (out, process.returncode) == ("", 3)
    assert "segue: Kafka on 127.0.0.1:" in err
    assert "the port is taken: choose another" in err
    assert "Traceback (most recent call last)" not in err
