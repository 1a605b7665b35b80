import time
from dataclasses import asdict
from threading import Thread

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from infra.broker import BrokerError
from infra.topics import Finding, Topics, TopicSpec, check, create, partition_counts, specs

DAY = 86_400_000


def test_the_names_are_the_contract_s():
    assert asdict(Topics.named()) == {
        "events": "music.playback.events.v1",
        "recommendations": "music.recommendations.v1",
        "feedback": "music.feedback.v1",
        "models": "music.models.v1",
        "dlq": "music.playback.events.v1.dlq",
    }


def test_a_prefix_stands_in_front_of_every_name():
    plain = asdict(Topics.named())
    assert asdict(Topics.named("eu.")) == {key: f"eu.{name}" for key, name in plain.items()}


@pytest.mark.parametrize("prefix", ["a b", "é", "a/b", "x" * 222])
def test_a_prefix_that_kafka_would_not_take_is_refused(prefix):
    with pytest.raises(ValueError, match="topic prefix"):
        Topics.named(prefix)
    assert len(Topics.named("x" * 221).dlq) == 249


def test_the_policies_are_the_contract_s():
    def kept(name: str, ms: int, **more: str) -> TopicSpec:
        return TopicSpec(name, 6, 3, {"cleanup.policy": "delete", "retention.ms": str(ms), **more})

    assert specs(Topics.named(), 6, 3) == [
        kept("music.playback.events.v1", 7 * DAY, **{"message.timestamp.type": "LogAppendTime"}),
        kept("music.recommendations.v1", DAY),
        kept("music.feedback.v1", 7 * DAY),
        TopicSpec("music.models.v1", 1, 3, {"cleanup.policy": "compact"}),
        kept("music.playback.events.v1.dlq", 14 * DAY),
    ]


@pytest.mark.parametrize(("partitions", "replication"), [(0, 1), (1, 0), (-1, 1)])
def test_a_topic_has_at_least_one_partition_and_one_copy(partitions, replication):
    with pytest.raises(ValueError, match="at least 1 of each"):
        specs(Topics.named(), partitions, replication)


def test_made_topics_agree_with_the_contract_and_are_made_once(broker, prefix):
    named = Topics.named(prefix)
    assert sorted(create(broker, named, 3, 1)) == sorted(asdict(named).values())
    assert create(broker, named, 3, 1) == []
    assert check(broker, named, 3) == []
    assert check(broker, named) == []


def test_only_what_is_missing_is_made_and_nothing_is_changed(broker, prefix):
    named = Topics.named(prefix)
    make(broker, named.feedback, 2)
    assert named.feedback not in create(broker, named, 3, 1)
    assert partition_counts(broker, [named.feedback, named.events]) == {
        named.feedback: 2,
        named.events: 3,
    }


def test_topics_may_be_made_by_many_at_once(broker, prefix):
    named = Topics.named(prefix)
    made = []
    threads = [Thread(target=lambda: made.extend(create(broker, named, 2, 1))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == sorted(asdict(named).values())
    assert check(broker, named, 2) == []


def test_a_topic_that_does_not_exist_has_no_count(broker, topics):
    assert partition_counts(broker, ["no-such-topic", topics.models]) == {topics.models: 1}


def test_missing_topics_are_found(broker, prefix):
    named = Topics.named(prefix)
    found = check(broker, named)
    assert [(f.topic, f.kind) for f in found] == [(n, "missing") for n in asdict(named).values()]
    assert all("segue topics create" in f.remedy for f in found)


def test_a_wrong_count_is_found_on_each_topic_that_sessions_are_spread_over(broker, topics):
    found = [(f.topic, f.kind, f.found, f.expected) for f in check(broker, topics, 5)]
    assert found == [
        (name, "partitions", "4", "5")
        for name in (topics.events, topics.recommendations, topics.feedback)
    ]


def test_counts_that_differ_are_found_without_saying_what_is_right(broker, prefix):
    named = Topics.named(prefix)
    make(broker, named.feedback, 2, **{"cleanup.policy": "delete", "retention.ms": str(7 * DAY)})
    create(broker, named, 3, 1)
    (found,) = check(broker, named)
    assert found.kind == "uneven"
    assert f"{named.feedback} 2" in found.found
    assert f"{named.events} 3" in found.found


@pytest.mark.parametrize(
    ("topic", "key", "value", "kind", "expected"),
    [
        ("events", "message.timestamp.type", "CreateTime", "timestamps", "LogAppendTime"),
        ("events", "retention.ms", "1000", "policy", str(7 * DAY)),
        ("recommendations", "retention.ms", "-1", "policy", str(DAY)),
        ("feedback", "cleanup.policy", "compact", "policy", "delete"),
        ("models", "cleanup.policy", "delete", "policy", "compact"),
        ("dlq", "retention.ms", "1000", "policy", str(14 * DAY)),
    ],
)
def test_a_setting_that_differs_is_found(broker, topics, topic, key, value, kind, expected):
    name = getattr(topics, topic)
    with KafkaAdminClient(bootstrap_servers=broker) as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {key: value})])
    (found,) = wait_for_findings(broker, topics)
    assert (found.topic, found.kind) == (name, kind)
    assert (found.found, found.expected) == (f"{key}={value}", f"{key}={expected}")
    assert f"{key}={expected}" in found.remedy


def test_more_copies_than_brokers_is_refused_with_the_broker_s_words(broker, prefix):
    with pytest.raises(BrokerError, match=r"refused to make topic .*replication 99: .*replicat"):
        create(broker, Topics.named(prefix), 1, 99)


@pytest.mark.parametrize("bootstrap", ["127.0.0.1:1", "nowhere", "127.0.0.1:99999"])
def test_no_broker_is_said_at_once(bootstrap):
    with pytest.raises(BrokerError, match="segue kafka up"):
        create(bootstrap, Topics.named(), 1, 1)
    with pytest.raises(BrokerError, match="segue kafka up"):
        check(bootstrap, Topics.named())


def make(bootstrap: str, name: str, partitions: int, **config: str) -> None:
    with KafkaAdminClient(bootstrap_servers=bootstrap) as admin:
        request = {"num_partitions": partitions, "replication_factor": 1, "configs": config}
        admin.create_topics({name: request}, wait_for_metadata=True)


def wait_for_findings(bootstrap: str, topics: Topics) -> list[Finding]:
    """A changed setting takes a moment to be seen."""
    deadline = time.monotonic() + 20
    while not (found := check(bootstrap, topics)):
        assert time.monotonic() < deadline, "the change is not seen"
        time.sleep(0.05)
    return found
