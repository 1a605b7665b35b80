import json
import random
from contextlib import closing

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from infra.topics import Topics, create
from streams.dead_letters import CAP, dead_letter
from streams.decoding import EventError
from streams.events import encode
from streams.session import Arrival
from tests.brokers import consume, produce
from tests.e2e.harness import _next_event, audited, read_all, wait_for, worker

from .. import bundles


def bury(bootstrap: str, topics: Topics, *letters: tuple[bytes | None, bytes | None, str]) -> None:
    """Write dead letters as a worker does, one after the other, from offset 0 of partition 0."""
    with closing(KafkaProducer(bootstrap_servers=bootstrap, acks="all")) as producer:
        for offset, (key, value, reason) in enumerate(letters):
            error, at = EventError(reason, f"about {reason}"), Arrival(0, offset, 0)
            made = dead_letter(key, value, error, at, topics.events, topics.dlq)
            sent = producer.send(
                made.topic, key=made.key, value=made.value, headers=list(made.headers), partition=0
            )
            sent.get(timeout=30)


@pytest.fixture
def dlq(segue, broker, topics, prefix):
    """`segue dlq VERB ARGS...` on topics with five dead letters."""
    bury(
        broker, topics,
        (b"s1", b"\x1b[31mred", "not_json"),
        (b"s2", b'{"event": 7}', "bad_type"),
        (b"s3", b"big" * CAP, "too_large"),
        (b"s4", None, "empty"),
        (b"s2", b'{"event": 7}', "bad_type"),
    )  # fmt: skip

    def run(verb: str, *args: str):
        return segue("dlq", verb, "--bootstrap", broker, "--prefix", prefix, *args)

    return run


def test_show_says_where_why_and_how_each_begins(dlq):
    said = json.loads(dlq("show", "--json").out)
    assert said["total"] == 5
    assert said["reasons"] == {"not_json": 1, "bad_type": 2, "too_large": 1, "empty": 1}
    first = said["letters"][0]
    assert (first["partition"], first["offset"]) == (0, 0)
    assert first["reason"] == "not_json"
    assert first["detail"] == "about not_json"
    assert first["source"]["offset"] == 0
    assert first["preview"] == "\\x1b[31mred"
    assert [row["whole"] for row in said["letters"]] == [True, True, False, False, True]
    shown = dlq("show").out
    assert "about bad_type" in shown
    assert "\x1b[31mred" not in shown
    assert shown.splitlines()[-1].startswith("5 of 5 dead letters: bad_type 2")


def test_show_takes_the_newest_and_what_is_chosen(dlq):
    def offsets(*args: str) -> list[int]:
        return [row["offset"] for row in json.loads(dlq("show", "--json", *args).out)["letters"]]

    assert offsets("--limit", "2") == [3, 4]
    assert offsets("--reason", "bad_type") == [1, 4]
    assert offsets("--at", "0:2") == [2]
    assert offsets("--since", "1h") == [0, 1, 2, 3, 4]
    assert offsets("--since", "2200-01-01T00:00:00Z") == []


def test_a_replay_without_a_choice_or_a_yes_is_refused_and_sends_nothing(dlq, broker, topics):
    for args in ((), ("--reason", "bad_type"), ("--reason", "nonsense", "--yes")):
        assert dlq("replay", *args).code == 2
    dry = json.loads(dlq("replay", "--reason", "bad_type", "--dry-run", "--json").out)
    assert (dry["sent"], dry["sendable"], dry["twins"]) == (0, 1, 1)
    assert read_all(broker, topics.events) == []


def test_a_replay_sends_the_bytes_as_they_came_and_refuses_what_is_not_whole(dlq, broker, topics):
    answer = dlq("replay", "--since", "1h", "--yes", "--json")
    said = json.loads(answer.out)
    assert answer.code == 1
    assert (said["sent"], said["twins"]) == (2, 1)
    assert said["not_whole"] == ["0:2", "0:3"]
    assert said["refused_again"] == {"not_json": 1, "bad_type": 1}
    sent = {(r.key, r.value, tuple(r.headers)) for r in read_all(broker, topics.events)}
    marked = (("segue.replays", b"1"),)
    assert sent == {(b"s1", b"\x1b[31mred", marked), (b"s2", b'{"event": 7}', marked)}


def test_no_topics_are_3(segue, broker):
    answer = segue("dlq", "show", "--bootstrap", broker, "--prefix", "nobody-made-this.")
    assert answer.code == 3
    assert "segue topics create" in answer.err


def test_a_replayed_event_is_answered_and_what_fails_again_says_how_often(
    segue, broker: str, tmp_path
) -> None:
    prefix = f"again-{random.randrange(10**9)}."
    topics = Topics.named(prefix)
    create(broker, topics, 1, 1)
    event = _next_event(random.Random(1), ["t1", "t2"], {}, 1, 1)
    produce(broker, topics.events, [(b"s1", encode(event)), (b"s2", b"no event")])
    bury(broker, topics, (b"s1", encode(event), "internal"), (b"s2", b"no event", "not_json"))
    group = f"{prefix}segue-worker"  # the worker that could not answer them had committed them
    consumer = KafkaConsumer(bootstrap_servers=broker, group_id=group, enable_auto_commit=False)
    with closing(consumer):
        consumer.assign([TopicPartition(topics.events, 0)])
        consumer.seek(TopicPartition(topics.events, 0), 2)
        consumer.commit()
    bundle = bundles.place(bundles.network_files(), tmp_path / "bundle")
    with worker(broker, prefix, tmp_path, "--bundle", str(bundle)) as process:
        process.start()
        process.wait_ready()
        where = ("--bootstrap", broker, "--prefix", prefix)
        answer = segue("dlq", "replay", *where, "--since", "1h", "--yes")
        assert answer.code == 0
        assert answer.out.startswith(f"2 sent to {topics.events}")
        assert len(consume(broker, topics.recommendations, 1)) == 1
        wait_for(lambda: len(consume(broker, topics.dlq, 2)) == 3, 20, "one fails again", process)
        found = audited(broker, prefix)
        assert process.stop() == 0
    assert found.kept, found.faults
    assert (found.tally.answered, found.tally.dead_lettered) == (2, 2)
    newest = json.loads(segue("dlq", "show", *where, "--json").out)["letters"][-1]
    assert (newest["reason"], newest["replays"]) == ("not_json", 1)
