"""What is sent: all of a plan, mixed, each kind in its order and what it says it is."""

from collections import Counter

import pytest

from benchmarks.chaos.inputs import (
    MISPLACED,
    NEIGHBOUR_EVENTS,
    NEIGHBOURS,
    TOO_BIG,
    Plan,
    Sent,
    home,
    neighbours,
    records,
    total,
)
from streams.decoding import EventError, decode_event

NOW_MS = 1_800_000_000_000
TRACKS = ["t1", "t2", "t3"]
PLAN = Plan(generated=300, hot=80)


@pytest.fixture(scope="module")
def sent():
    return list(records(PLAN, 7, NOW_MS, TRACKS, 4))


def of_kind(sent: list[Sent], kind: str) -> list[Sent]:
    return [record for record in sent if record.kind == kind]


def test_a_plan_is_sent_whole_and_the_same_for_the_same_seed(sent):
    assert len(sent) == total(PLAN, 4)
    assert sent == list(records(PLAN, 7, NOW_MS, TRACKS, 4))
    kinds = Counter(record.kind for record in sent)
    assert (kinds["generated"], kinds["hot"]) == PLAN
    assert kinds["neighbour"] == NEIGHBOURS * NEIGHBOUR_EVENTS
    assert sum(count for kind, count in kinds.items() if kind.startswith("named: ")) == 26


def test_neighbours_stand_among_the_others_in_their_own_order(sent):
    found = of_kind(sent, "neighbour")
    assert found == list(neighbours(7, NOW_MS, TRACKS))
    places = [place for place, record in enumerate(sent) if record.kind == "neighbour"]
    assert places[-1] - places[0] > len(found)


def test_each_named_payload_is_refused_for_its_reason_under_a_neighbour_s_key(sent):
    keys = {record.key for record in of_kind(sent, "neighbour")}
    for record in sent:
        if record.kind.startswith("named: "):
            with pytest.raises(EventError) as refused:
                decode_event(record.value, NOW_MS)
            assert f"named: {refused.value.reason}" == record.kind
            assert record.key in keys


def test_the_others_are_what_they_are_called(sent):
    assert {len(record.value or b"") for record in of_kind(sent, "10 MB value")} == {TOO_BIG}
    assert [len(record.headers) for record in of_kind(sent, "1,000 headers")] == [1000]
    assert [record.key for record in of_kind(sent, "null key")] == [None]
    assert len(set(of_kind(sent, "repeated"))) == 2
    misplaced = of_kind(sent, "misplaced")
    assert len(misplaced) == MISPLACED
    assert all(record.partition != home((record.key or b"").decode(), 4) for record in misplaced)
