import json

from streams.settings import load_settings
from tests.brokers import consume
from tests.infra.test_topics import make


def test_without_a_worker_the_request_waits_and_the_answer_is_1(segue, broker, topics, prefix):
    changelog = load_settings(topics={"prefix": prefix}).changelog
    where = ("--bootstrap", broker, "--prefix", prefix)
    missing = segue("forget", "s1", *where)
    assert missing.code == 3
    assert f"has no topic {changelog}" in missing.err
    make(broker, changelog, 4)
    answer = segue("forget", "s1", *where, "--wait", "0.3", "--json")
    told = json.loads(answer.out)
    assert (answer.code, told["done"], told["answered"], told["tombstone"]) == (
        1,
        False,
        False,
        False,
    )
    assert "retention" in told["kept"]
    ((key, value),) = consume(broker, topics.events, 1)
    assert key == b"s1"
    sent = json.loads(value or b"")
    assert (sent["session_id"], sent["event"], sent["event_id"]) == (
        "s1",
        "forget",
        told["event_id"],
    )


def test_a_pseudonym_needs_its_key(segue):
    answer = segue("forget", "alice", "--hash-session")
    assert answer.code == 2
    assert "session_key_file" in answer.err
