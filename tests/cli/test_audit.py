"""`segue audit` at its edges; what it finds on a real cluster is in tests/e2e/test_audit.py."""

import json

import pytest

from cli.audit import moment_ms

NOW_MS = 1_800_000_000_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("90s", NOW_MS - 90_000),
        ("10m", NOW_MS - 600_000),
        ("1.5h", NOW_MS - 5_400_000),
        ("1d", NOW_MS - 86_400_000),
        ("99999d", 0),
        ("2027-01-15T08:00:00Z", NOW_MS),
        ("2027-01-15T09:00:00.250+01:00", NOW_MS + 250),
    ],
)
def test_since_is_a_duration_or_a_time(text, ms):
    assert moment_ms(text, NOW_MS) == ms


@pytest.mark.parametrize("text", ["", "10", "m", "-5m", "yesterday", "2027-01-15T08:00:00"])
def test_since_is_nothing_else(text):
    with pytest.raises(ValueError, match="expected a duration such as"):
        moment_ms(text, NOW_MS)


def test_a_wrong_since_is_2_and_one_line(segue):
    answer = segue("audit", "--since", "soon")
    assert (answer.code, len(answer.err.splitlines())) == (2, 1)


def test_no_broker_is_3_and_one_line(segue):
    answer = segue("audit", "--bootstrap", "127.0.0.1:1", "--json")
    assert (answer.code, answer.out) == (3, "")
    assert answer.err.startswith("segue: no broker answers")


def test_no_topics_are_3_with_what_to_do(segue, broker):
    answer = segue("audit", "--bootstrap", broker, "--prefix", "nobody-made-this.")
    assert answer.code == 3
    assert "segue topics create" in answer.err


def test_topics_without_events_are_clean(segue, broker, topics, prefix):
    where = ("audit", "--bootstrap", broker, "--prefix", prefix)
    answer = segue(*where, "--json")
    assert answer.code == 0
    said = json.loads(answer.out)
    assert said["notes"][0].startswith("there is no topic")
    del said["notes"]
    assert said == {
        "events": 0, "answered": 0, "dead_lettered": 0, "missing": 0, "repeats": 0,
        "conflicting": 0, "wrong_reasons": 0, "unreadable": 0, "state_equal": True,
        "sessions": {"compared": 0, "unequal": 0, "swept": 0, "not_compared": 0},
        "since": None, "faults": [],
    }  # fmt: skip
    answer = segue(*where)
    assert answer.code == 0
    assert answer.out.splitlines()[-1] == "kept"
