from types import SimpleNamespace

import pytest

from streams.dead_letters import CAP, dead_letter, replays_of
from streams.decoding import EventError
from streams.events import PlaybackEvent, encode
from streams.letters import Choice, Letter, Replay, parse_places, read_letter
from streams.recommendations import rfc3339
from streams.session import Arrival

NOW_MS = 1_800_000_000_000
EVENT = encode(
    PlaybackEvent(session_id="s1", track_id="a", event="play", occurred_at=rfc3339(NOW_MS))
)


def letter(
    value: bytes | None, *, key: bytes | None = b"s1", reason="internal", replays=0, offset=7
) -> Letter:
    """What a worker writes, read back."""
    at = Arrival(1, 40, NOW_MS)
    made = dead_letter(key, value, EventError(reason, "why"), at, "events", "dlq", replays)
    record = SimpleNamespace(
        partition=2, offset=offset, timestamp=NOW_MS, key=made.key, value=made.value,
        headers=list(made.headers),
    )  # fmt: skip
    return read_letter(record)


def test_a_letter_reads_as_it_was_written():
    assert letter(EVENT, replays=2) == Letter(
        2, 7, NOW_MS, b"s1", EVENT, "internal", "why", ("events", 1, 40), len(EVENT), 2
    )


def test_what_somebody_else_wrote_is_read_as_far_as_it_goes():
    headers = [("segue.value.bytes", b"many"), ("segue.replays", b"-1"), ("segue.detail", None)]
    record = SimpleNamespace(
        partition=0, offset=0, timestamp=1, key=None, value=b"x", headers=headers
    )
    assert read_letter(record) == Letter(0, 0, 1, None, b"x", "unknown", "", None, 1, 0)


@pytest.mark.parametrize(
    ("value", "key", "whole"),
    [
        (b"x" * CAP, b"k", True),
        (b"x" * (CAP + 1), b"k", False),
        (None, b"k", False),
        (b"x", b"k" * (CAP + 1), False),
        (b"", None, True),
    ],
)
def test_a_letter_is_whole_when_it_holds_all_that_was_sent(value, key, whole):
    assert letter(value, key=key).whole is whole


def test_a_replay_counts_what_goes_what_is_a_twin_and_what_cannot_go():
    letters = [
        letter(EVENT, offset=0),
        letter(EVENT, offset=1, replays=1),
        letter(EVENT, offset=2, key=b"other"),
        letter(None, offset=3),
        letter(b"no event", offset=4, reason="not_json"),
    ]
    replay = Replay()
    assert [one.offset for one in replay.sendable(letters, NOW_MS)] == [0, 2, 4]
    assert (replay.sent, replay.twins) == (3, 1)
    assert [one.offset for one in replay.lost] == [3]
    assert replay.again == {"not_json": 1}


def test_a_choice_is_by_reason_and_by_place():
    one = letter(EVENT)
    assert Choice().meets(one)
    assert Choice(frozenset({"internal"}), None, parse_places(["2:7"])).meets(one)
    assert not Choice(frozenset({"empty"})).meets(one)
    assert not Choice(places=parse_places(["2:8"])).meets(one)


@pytest.mark.parametrize("text", ["", "7", "1:", ":7", "a:b", "-1:7", "1:7:8"])
def test_a_place_is_a_partition_and_an_offset(text):
    with pytest.raises(ValueError, match="expected PARTITION:OFFSET"):
        parse_places([text])


@pytest.mark.parametrize(
    ("headers", "replays"),
    [
        ([("segue.replays", b"3")], 3),
        ([("traceparent", b"x"), ("segue.replays", b"1")], 1),
        ([("segue.replays", b"much")], 0),
        ([("segue.replays", b"9" * 5000)], 0),
        ([], 0),
    ],
)
def test_how_often_an_event_was_replayed_is_in_its_headers(headers, replays):
    assert replays_of(headers) == replays
