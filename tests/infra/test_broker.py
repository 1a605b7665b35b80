import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra import node
from infra.broker import BrokerError, embedded
from infra.topics import Topics, create
from tests.brokers import consume, produce
from tests.processes import gone

pytestmark = pytest.mark.broker

ROOT = Path(__file__).parents[2]
NAMES = Topics.named("broker-test.")
RECORDS = [(b"session", b"%d" % number) for number in range(100)]


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A broker of this file's own, in a folder that is kept, with RECORDS in it."""
    with embedded(directory=tmp_path_factory.mktemp("kafka") / "a, bé") as broker:
        create(broker.bootstrap, NAMES, 1, 1)
        produce(broker.bootstrap, NAMES.events, RECORDS)
        yield broker


def test_what_was_acknowledged_is_there_after_a_kill_and_a_restart(own):
    port, pid = own.port, own.pid
    own.kill()
    assert not own.alive
    own.start()
    assert (own.port, own.alive) == (port, True)
    assert own.pid != pid
    assert consume(own.bootstrap, NAMES.events, len(RECORDS)) == RECORDS


def test_a_running_broker_is_not_started_twice(own):
    with pytest.raises(ValueError, match="already runs"):
        own.start()


def test_a_port_that_another_broker_has_is_taken_and_the_log_says_so(own, tmp_path):
    with pytest.raises(BrokerError, match="the port is taken") as refusal, embedded(own.port):
        pass
    assert f"127.0.0.1:{own.port}" in str(refusal.value)
    assert "last lines of" in str(refusal.value)
    assert "Address already in use" in str(refusal.value)


def test_a_folder_in_use_is_refused_and_its_broker_goes_on(own, monkeypatch):
    monkeypatch.setattr(node, "HANDOVER", 0.2)
    with (
        pytest.raises(BrokerError, match=f"{own.directory}: another broker uses this folder"),
        embedded(directory=own.directory),
    ):
        pass
    assert own.alive
    assert consume(own.bootstrap, NAMES.events, 1)


def test_a_later_broker_in_the_same_folder_goes_on_with_its_data(own):
    port = own.port
    own.stop()
    assert not own.alive
    with embedded(directory=own.directory) as later:
        assert consume(later.bootstrap, NAMES.events, len(RECORDS)) == RECORDS
    own.restart()
    assert own.port == port
    assert consume(own.bootstrap, NAMES.events, len(RECORDS)) == RECORDS


def test_a_broker_ends_with_its_parent_and_leaves_nothing():
    script = (
        "import sys, time; from infra.broker import embedded\n"
        "with embedded() as broker:\n"
        "    print(broker.pid, broker.directory, flush=True)\n"
        "    time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    with parent:
        assert parent.stdout
        pid, directory = parent.stdout.readline().split()
        os.kill(int(pid), 0)
        parent.send_signal(signal.SIGKILL)
    assert gone(int(pid))
    deadline = time.monotonic() + 20
    while Path(directory).exists():
        assert time.monotonic() < deadline, f"{directory} is left"
        time.sleep(0.02)


def test_damaged_data_are_refused_with_the_last_lines_of_the_log(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "meta.properties").write_text("version=1\nnode.id=77\ncluster.id=x\n")
    with pytest.raises(BrokerError, match=r"ended with \d+") as refusal:
        embedded(directory=tmp_path).__enter__()
    assert "the folder's data are damaged" in str(refusal.value)
    assert "77" in str(refusal.value)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BrokerError, match=r"could not start in .*file/node"):
        embedded(directory=tmp_path / "file" / "node").__enter__()


def test_a_broker_that_takes_too_long_is_given_up_and_ended(tmp_path):
    with pytest.raises(BrokerError, match=r"did not answer within 0\.2 s"):
        embedded(directory=tmp_path, timeout=0.2).__enter__()
    assert (tmp_path / "data" / "meta.properties").exists()
    with socket.create_server(("127.0.0.1", 0)):
        pass


def test_no_java_is_a_broker_error_that_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("SEGUE_JAVA", str(tmp_path / "nothing"))
    with pytest.raises(BrokerError, match=r"cannot run here: .*SEGUE_JAVA"):
        embedded().__enter__()


def test_no_way_to_fetch_kafka_is_a_broker_error_that_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("SEGUE_CACHE", str(tmp_path))
    monkeypatch.setenv("SEGUE_MAVEN", "http://127.0.0.1:1")
    with pytest.raises(BrokerError, match=r"could not be fetched in 3 attempts .*--bootstrap"):
        embedded().__enter__()
