"""Reading without a group: from given offsets to the end, nothing passed over."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from infra.broker import BrokerError
from infra.reader import read_to_end, require_listener

Send = Callable[..., str]


@pytest.fixture
def filled(broker) -> Send:
    """Make a topic and fill its partitions with the values given for each."""

    def make(*partitions: list[bytes | None], **config: str) -> str:
        topic = f"reader-{uuid4().hex[:8]}"
        admin = KafkaAdminClient(bootstrap_servers=broker)
        producer = KafkaProducer(bootstrap_servers=broker)
        try:
            new = NewTopic(
                topic, num_partitions=len(partitions), replication_factor=1, topic_configs=config
            )
            admin.create_topics([new])
            for number, values in enumerate(partitions):
                sent = [producer.send(topic, value, b"k", partition=number) for value in values]
                for future in sent:
                    future.get(timeout=10)
        finally:
            producer.close()
            admin.close()
        return topic

    return make


@pytest.mark.broker
def test_a_topic_is_read_from_the_beginning_and_then_from_where_the_last_read_ended(broker, filled):
    topic = filled([b"a", b"b"], [b"c"], [])
    first = read_to_end(broker, topic)
    assert [(r.partition, r.offset, r.value) for r in first.records] == [
        (0, 0, b"a"),
        (0, 1, b"b"),
        (1, 0, b"c"),
    ]
    assert first.offsets == {0: 2, 1: 1, 2: 0}
    again = read_to_end(broker, topic, since=first.offsets)
    assert (again.records, again.offsets) == ([], first.offsets)
    assert [r.value for r in read_to_end(broker, topic, {0: 1, 1: 1}).records] == [b"b"]


@pytest.mark.broker
def test_of_a_long_topic_the_newest_records_are_read(broker, filled):
    topic = filled([b"%d" % i for i in range(10)], [b"x", b"y"])
    read = read_to_end(broker, topic, newest=4)
    assert [r.value for r in read.records] == [b"8", b"9", b"x", b"y"]
    assert read.offsets == {0: 10, 1: 2}


@pytest.mark.broker
def test_offsets_of_a_topic_that_was_made_anew_lead_to_its_beginning(broker, filled):
    topic = filled([b"a", b"b"])
    assert len(read_to_end(broker, topic, since={0: 50}).records) == 2


@pytest.mark.broker
def test_a_topic_that_does_not_exist_is_named(broker):
    with pytest.raises(BrokerError, match="topic no-such-topic does not exist: make it with"):
        read_to_end(broker, "no-such-topic")


@pytest.mark.parametrize(
    "bootstrap", ["127.0.0.1:1", "nowhere", "127.0.0.1:port", "127.0.0.1:99999", ""]
)
def test_no_broker_is_said_at_once_with_what_to_do(bootstrap):
    with pytest.raises(BrokerError, match="segue kafka up"):
        require_listener(bootstrap)
