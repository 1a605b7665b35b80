"""The brokers that tests may run against, and raw reading and writing on them."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from docker.errors import DockerException  # type: ignore[import-untyped]
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from infra.broker import BrokerError, embedded
from infra.jars import VERSION
from infra.node import describe_cluster, free_ports

CONTAINER_SECONDS = 120.0


@contextmanager
def embedded_broker() -> Iterator[str]:
    with embedded() as broker:
        yield broker.bootstrap


@contextmanager
def container_broker() -> Iterator[str]:
    """Run an image that keeps apache/kafka's contract; SEGUE_KAFKA_IMAGE names another one."""
    image = os.environ.get("SEGUE_KAFKA_IMAGE") or f"apache/kafka:{VERSION}"
    testcontainers_config.ryuk_disabled = True  # one image less to pull; the block below stops ours
    (port,) = free_ports(1)
    container = DockerContainer(image).with_bind_ports(9092, port)
    settings = {
        "node.id": "1",
        "process.roles": "broker,controller",
        "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": "1@127.0.0.1:9093",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
    }
    for key, value in settings.items():
        container.with_env(f"KAFKA_{key.replace('.', '_').upper()}", value)
    try:
        container.start()
    except DockerException as err:
        raise BrokerError(f"the image {image} could not be started: {err}") from err
    try:
        deadline = time.monotonic() + CONTAINER_SECONDS
        while not describe_cluster(port):
            if time.monotonic() > deadline:
                out, errors = container.get_logs()
                tail = (out + errors).decode(errors="replace")[-3000:]
                raise BrokerError(f"{image} did not answer in {CONTAINER_SECONDS:g} s:\n{tail}")
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        container.stop()


def delete_topics(bootstrap: str, prefix: str) -> None:
    """Delete every topic whose name begins so, changelogs among them."""
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        mine = [name for name in admin.list_topics() if name.startswith(prefix)]
        if mine:
            admin.delete_topics(mine, raise_errors=False)


def produce(
    bootstrap: str, topic: str, records: Sequence[tuple[bytes | None, bytes | None]]
) -> None:
    """Write records and return when each is acknowledged."""
    with closing(KafkaProducer(bootstrap_servers=bootstrap, acks="all")) as producer:
        for sent in [producer.send(topic, key=key, value=value) for key, value in records]:
            sent.get(timeout=30)


def consume(
    bootstrap: str, topic: str, count: int, seconds: float = 30
) -> list[tuple[bytes | None, bytes | None]]:
    """Read a topic from its beginning until `count` records came; fail when they do not in time."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    with closing(consumer):
        partitions = [
            TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic))
        ]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        found: list[tuple[bytes | None, bytes | None]] = []
        deadline = time.monotonic() + seconds
        while len(found) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(found)} of {count} records on {topic} in {seconds} s")
            for batch in consumer.poll(timeout_ms=200).values():
                found += [(record.key, record.value) for record in batch]
    return found
