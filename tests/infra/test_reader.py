"""Reading without a group: from given offsets to the end, nothing passed over."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from infra.broker import BrokerError
from infra.greeting import require_listener
from infra.reader import read_between, read_to_end, reading

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


def test_between_two_offsets_each_partition_is_given_in_order_and_nothing_else(broker, filled):
    topic = filled([b"a", b"b", b"c", b"d"], [b"x", b"y"], [])
    zero, one, two = (TopicPartition(topic, number) for number in range(3))
    with reading(broker) as consumer:
        found = list(read_between(consumer, {zero: 1, one: 0, two: 0}, {zero: 3, one: 2, two: 0}))
        assert [r.value for r in found if r.partition == 0] == [b"b", b"c"]
        assert [r.value for r in found if r.partition == 1] == [b"x", b"y"]
        # The same consumer goes on from where it is told to, and not from where it was.
        assert [r.value for r in read_between(consumer, {zero: 0}, {zero: 2})] == [b"a", b"b"]
        assert list(read_between(consumer, {two: 0}, {two: 0})) == []


def test_what_was_fetched_beyond_an_end_is_there_for_the_next_reading(broker, filled, monkeypatch):
    monkeypatch.setattr("infra.reader.STALLED_SECONDS", 5.0)
    values = [b"%d" % n for n in range(2000)]
    topic = filled(values, values)
    zero, one = TopicPartition(topic, 0), TopicPartition(topic, 1)
    with reading(broker) as consumer:
        first = list(read_between(consumer, {zero: 0, one: 0}, {zero: 100, one: 1990}))
        rest = list(read_between(consumer, {zero: 100, one: 1990}, {zero: 2000, one: 2000}))
    assert [r.value for r in first + rest if r.partition == 0] == values
    assert [r.value for r in first + rest if r.partition == 1] == values


def test_an_end_that_never_comes_is_said(broker, filled, monkeypatch):
    monkeypatch.setattr("infra.reader.STALLED_SECONDS", 0.3)
    partition = TopicPartition(filled([b"a"]), 0)
    with reading(broker) as consumer, pytest.raises(BrokerError, match="at offset 1 of 2"):
        list(read_between(consumer, {partition: 0}, {partition: 2}))
