import json
from dataclasses import asdict

from infra.topics import Topics


def test_created_topics_pass_the_check(segue, broker, prefix):
    where = ["--bootstrap", broker, "--prefix", prefix]
    names = sorted(asdict(Topics.named(prefix)).values())

    made = segue("topics", "create", *where, "--partitions", "2", "--json")
    assert made.code == 0
    report = json.loads(made.out)
    assert (sorted(report["created"]), report["existing"]) == (names, [])

    again = segue("topics", "create", *where, "--partitions", "2")
    assert sorted(again.out.splitlines()) == [f"exists  {name}" for name in names]

    assert segue("topics", "check", *where, "--partitions", "2").code == 0
    agreed = segue("topics", "check", *where, "--json")
    assert (agreed.code, json.loads(agreed.out)) == (0, {"ok": True, "findings": []})


def test_differences_are_1_with_what_to_do(segue, broker, topics, prefix):
    where = ["--bootstrap", broker, "--prefix", prefix]
    answer = segue("topics", "check", *where, "--partitions", "7")
    assert answer.code == 1
    assert len(answer.out.splitlines()) == 3
    assert f"{topics.events}: partitions: found 4, expected 7; " in answer.out

    report = json.loads(segue("topics", "check", *where, "--partitions", "7", "--json").out)
    assert not report["ok"]
    assert report["findings"][0]["kind"] == "partitions"


def test_no_broker_is_3(segue):
    for verb in ("create", "check"):
        answer = segue("topics", verb, "--bootstrap", "127.0.0.1:1")
        assert answer.code == 3
        assert answer.err.startswith("segue: no broker answers")
        assert len(answer.err.splitlines()) == 1


def test_a_prefix_that_kafka_would_not_take_is_2(segue):
    answer = segue("topics", "check", "--prefix", "a b")
    assert answer.code == 2
    assert "topic prefix 'a b'" in answer.err


def test_the_rights_of_a_role_are_listed_without_a_broker(segue):
    answer = segue("topics", "acls", "--for", "consumer", "--principal", "User:app")
    assert answer.code == 0
    assert [line.split() for line in answer.out.splitlines()] == [
        ["needs", "User:app", "READ", "topic", "music.recommendations.v1"],
        ["needs", "User:app", "READ", "group", "segue-consumers"],
    ]
    told = segue("topics", "acls", "--for", "player", "--principal", "User:p", "--json")
    assert json.loads(told.out)["grants"] == [
        {
            "kind": "topic",
            "name": "music.playback.events.v1",
            "operation": "WRITE",
            "prefixed": False,
        }
    ]


def test_an_unknown_role_is_misuse(segue):
    assert segue("topics", "acls", "--for", "king", "--principal", "User:p").code == 2
