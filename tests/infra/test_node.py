import socket
import threading
from contextlib import closing

import pytest

from infra import node
from infra.java import Java


def test_only_a_new_java_is_asked_to_be_quiet(tmp_path):
    quiet = "--sun-misc-unsafe-memory-access=allow"
    assert quiet not in node.jvm(Java(tmp_path, 17), [])
    assert quiet in node.jvm(Java(tmp_path, 25), [])


def test_a_node_listens_on_loopback_only_and_keeps_its_data_in_its_folder(tmp_path):
    text = node.write_properties(tmp_path, 1234, 5678).read_text()
    own = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and line[0] != "#")
    assert own["listeners"] == "PLAINTEXT://127.0.0.1:1234,CONTROLLER://127.0.0.1:5678"
    assert own["log.dirs"] == "data"
    assert own["auto.create.topics.enable"] == "false"


def test_a_folder_belongs_to_one_node_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(node, "HANDOVER", 0.1)
    with (
        node.alone(tmp_path),
        pytest.raises(BlockingIOError, match="another broker uses this folder"),
        node.alone(tmp_path),
    ):
        pass
    with node.alone(tmp_path):
        pass


def test_a_folder_that_is_left_in_time_changes_hands(tmp_path):
    first = node.alone(tmp_path)
    first.__enter__()
    leaving = threading.Timer(0.3, first.__exit__, (None, None, None))
    leaving.start()
    with node.alone(tmp_path):
        leaving.join()


def test_free_ports_differ_and_are_free():
    ports = node.free_ports(8)
    assert len(set(ports)) == 8
    assert all(map(node.is_free, ports))


def test_a_port_somebody_listens_on_is_not_free():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert not node.is_free(listener.getsockname()[1])


def test_a_folder_without_data_has_no_cluster(tmp_path):
    assert not node.is_formatted(tmp_path)
    assert node.cluster_id(tmp_path) == ""


def test_nobody_on_a_port_is_no_answer():
    (port,) = node.free_ports(1)
    assert node.describe_cluster(port) == b""


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0", b"\xff" * 64])
def test_what_is_not_kafka_is_no_answer(says):
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(64)
                connection.sendall(says)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            assert node.describe_cluster(listener.getsockname()[1]) == b""
        finally:
            thread.join()


def test_a_node_of_several_knows_every_controller_and_what_is_its_own(tmp_path):
    seat = node.Seat(2, "S" * 22, {1: 11, 2: 22, 3: 33}, {"min.insync.replicas": "2"})
    text = node.write_properties(tmp_path, 1234, 5678, seat=seat).read_text()
    own = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and line[0] != "#")
    assert own["node.id"] == "2"
    assert own["controller.quorum.voters"] == "1@127.0.0.1:11,2@127.0.0.1:22,3@127.0.0.1:33"
    assert own["listeners"] == "PLAINTEXT://127.0.0.1:1234,CONTROLLER://127.0.0.1:22"
    assert own["min.insync.replicas"] == "2"


def test_cluster_ids_are_never_options():
    ids = {node.new_cluster_id() for _ in range(200)}
    assert len(ids) == 200
    assert all(len(text) == 22 and text[0] == "S" for text in ids)
