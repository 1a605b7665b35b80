import hashlib
import json

import msgspec
import pytest

from streams.events import (
    HEARD,
    SKIPPED_AT_ONCE,
    SKIPPED_EARLY,
    SKIPPED_LATE,
    UNKNOWN,
    PlaybackEvent,
    derived_event_id,
    encode,
    recommendation_id,
)


def event(**changes) -> PlaybackEvent:
    fields = {
        "session_id": "s1",
        "track_id": "t1",
        "event": "skip",
        "occurred_at": "2026-11-21T05:30:00.123Z",
    }
    return PlaybackEvent(**(fields | changes))


def test_outcome_codes_are_what_bundles_and_data_sets_hold():
    assert (UNKNOWN, HEARD, SKIPPED_LATE, SKIPPED_EARLY, SKIPPED_AT_ONCE) == (0, 1, 2, 3, 4)


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"event": "start"}, UNKNOWN),
        ({"event": "other"}, UNKNOWN),
        ({"event": "play"}, HEARD),
        ({"event": "play", "skip_strength": 1}, HEARD),
        ({"skip_strength": 1}, SKIPPED_AT_ONCE),
        ({"skip_strength": 2}, SKIPPED_EARLY),
        ({"skip_strength": 3}, SKIPPED_LATE),
        ({}, SKIPPED_EARLY),
        ({"ms_played": 0, "duration_ms": 1000}, SKIPPED_AT_ONCE),
        ({"ms_played": 99, "duration_ms": 1000}, SKIPPED_AT_ONCE),
        ({"ms_played": 100, "duration_ms": 1000}, SKIPPED_EARLY),
        ({"ms_played": 499, "duration_ms": 1000}, SKIPPED_EARLY),
        ({"ms_played": 500, "duration_ms": 1000}, SKIPPED_LATE),
        ({"ms_played": 2000, "duration_ms": 1000}, SKIPPED_LATE),
        ({"ms_played": 5, "duration_ms": 1000, "skip_strength": 3}, SKIPPED_LATE),
        ({"ms_played": 5}, SKIPPED_EARLY),
        ({"duration_ms": 1000}, SKIPPED_EARLY),
        ({"ms_played": 5, "duration_ms": 0}, SKIPPED_EARLY),
    ],
)
def test_an_outcome_follows_from_the_kind_the_strength_or_the_part_that_was_played(
    changes, outcome
):
    assert event(**changes).outcome == outcome


def test_a_given_event_id_is_the_id():
    assert event(event_id="e1").id == "e1"


def test_a_derived_id_is_the_hash_of_the_five_fields_as_sent():
    sent = b'["s1","t1","2026-11-21T05:30:00.123Z","skip",null]'
    assert event().id == hashlib.sha256(sent).hexdigest()[:16] == "a9bc580bec5a22e5"


def test_the_hash_is_over_utf8_and_not_over_escapes():
    sent = '["s1","\N{GUITAR}\\"","2026-11-21T05:30:00.123Z","skip",7]'.encode()
    derived = derived_event_id(event(track_id='\N{GUITAR}"', seq=7))
    assert derived == hashlib.sha256(sent).hexdigest()[:16]


@pytest.mark.parametrize(
    "changes",
    [
        {"session_id": "s2"},
        {"track_id": "t2"},
        {"event": "play"},
        {"seq": 0},
        {"occurred_at": "2026-11-21T06:30:00.123+01:00"},
    ],
)
def test_each_of_the_five_fields_makes_another_id(changes):
    assert event(**changes).id != event().id


def test_other_fields_do_not_change_the_derived_id():
    assert event(ms_played=5, user_id="u", sent_at="later").id == event().id


@pytest.mark.parametrize(
    "same_moment",
    ["2026-11-21T05:30:00.123Z", "2026-11-21T06:30:00.123+01:00", "2026-11-21T05:30:00.1239Z"],
)
def test_a_time_is_read_in_its_zone_to_the_millisecond_below(same_moment):
    assert event(occurred_at=same_moment).occurred_ms == 1_795_239_000_123


@pytest.mark.parametrize("text", ["2026-11-21T05:30:00", "2026-11-21", "now"])
def test_a_time_without_a_zone_is_no_time(text):
    with pytest.raises(ValueError, match=r"RFC3339|timezone"):
        _ = event(occurred_at=text).occurred_ms


def test_a_recommendation_id_follows_from_both_ids_and_keeps_them_apart():
    assert recommendation_id("s1", "e1") == "5da56592-b7a7-5527-b80e-f56e07ba4932"
    assert recommendation_id("a", "bc") != recommendation_id("ab", "c")


def test_a_record_is_compact_utf8_json_without_what_was_not_given():
    assert (
        encode(event(track_id="é"))
        == (
            '{"session_id":"s1","track_id":"é","event":"skip",'
            '"occurred_at":"2026-11-21T05:30:00.123Z"}'
        ).encode()
    )


def test_an_encoded_event_reads_back_as_itself():
    whole = event(event_id="e", seq=1, shuffle=True, skip_strength=2)
    assert msgspec.json.decode(encode(whole), type=PlaybackEvent) == whole
    assert json.loads(encode(whole))["shuffle"] is True
