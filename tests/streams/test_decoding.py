import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.chaos.payloads import good_event, hostile_payloads
from streams.decoding import (
    MAX_EVENT_BYTES,
    NEWEST_MS,
    OLDEST_MS,
    REASONS,
    EventError,
    decode_event,
)
from streams.events import PlaybackEvent, encode
from streams.recommendations import rfc3339
from tests.streams.event_strategies import BEGAN_MS, almost_events, json_values

HOSTILE = hostile_payloads(BEGAN_MS)


def value(**changes) -> bytes:
    return json.dumps(good_event(BEGAN_MS, **changes)).encode()


def reason(raw: bytes | None) -> str:
    with pytest.raises(EventError) as caught:
        decode_event(raw, BEGAN_MS)
    return caught.value.reason


@pytest.mark.parametrize("hostile", HOSTILE, ids=[hostile.name for hostile in HOSTILE])
def test_a_hostile_payload_is_refused_with_its_reason(hostile):
    assert reason(hostile.value) == hostile.reason


def test_there_are_26_hostile_payloads_and_they_reach_every_reason_that_players_can_cause():
    assert len({hostile.name for hostile in HOSTILE}) == 26
    assert {hostile.reason for hostile in HOSTILE} == set(REASONS) - {"internal"}


def test_every_known_field_is_read():
    event = PlaybackEvent(
        session_id="s1",
        track_id="t1",
        event="skip",
        occurred_at=rfc3339(BEGAN_MS),
        schema_version=1,
        event_id="e1",
        seq=4,
        ms_played=12_345,
        duration_ms=215_000,
        skip_strength=2,
        reason_start="trackdone",
        reason_end="fwdbtn",
        context_type="editorial_playlist",
        shuffle=False,
        user_id="u1",
        recommendation_id="r1",
        sent_at=rfc3339(BEGAN_MS),
    )
    assert decode_event(encode(event), BEGAN_MS) == event


def test_unknown_fields_are_ignored_whatever_they_hold():
    plain = decode_event(value(), BEGAN_MS)
    assert decode_event(value(mood={"session_id": 1, "x": [None, 1.5]}), BEGAN_MS) == plain


@pytest.mark.parametrize("field", ["event", "reason_start", "reason_end", "context_type"])
def test_unknown_enum_values_become_other(field):
    assert getattr(decode_event(value(**{field: "telepathy"}), BEGAN_MS), field) == "other"


def test_the_id_of_an_unknown_kind_of_event_follows_from_what_was_sent():
    pause = decode_event(value(event="pause"), BEGAN_MS)
    resume = decode_event(value(event="resume"), BEGAN_MS)
    assert pause.event == resume.event == "other"
    assert pause.id != resume.id


def test_the_wire_format_of_confluent_reads_as_the_json_behind_it():
    assert decode_event(b"\x00\x00\x00\x00\x07" + value(), BEGAN_MS) == decode_event(
        value(), BEGAN_MS
    )


def test_white_space_around_the_object_is_no_fault():
    assert decode_event(b" \r\n" + value() + b"\t", BEGAN_MS) == decode_event(value(), BEGAN_MS)


@pytest.mark.parametrize(
    ("size", "refused"), [(MAX_EVENT_BYTES, False), (MAX_EVENT_BYTES + 1, True)]
)
def test_exactly_the_largest_size_is_read(size, refused):
    raw = value()[:-1] + b" " * (size - len(value())) + b"}"
    assert len(raw) == size
    if refused:
        assert reason(raw) == "too_large"
    else:
        assert decode_event(raw, BEGAN_MS).track_id == "t1"


@pytest.mark.parametrize(
    ("age_ms", "refused"),
    [(OLDEST_MS, False), (OLDEST_MS + 1, True), (-NEWEST_MS, False), (-NEWEST_MS - 1, True)],
)
def test_exactly_seven_days_old_and_one_hour_ahead_are_in_time(age_ms, refused):
    raw = value(occurred_at=rfc3339(BEGAN_MS - age_ms))
    if refused:
        assert reason(raw) == "out_of_time"
    else:
        assert decode_event(raw, BEGAN_MS).track_id == "t1"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"session_id": None}, "bad_type"),
        ({"track_id": ""}, "bad_type"),
        ({"event": 3}, "bad_type"),
        ({"skip_strength": 0}, "bad_type"),
        ({"skip_strength": 7}, "bad_type"),
        ({"ms_played": -1}, "bad_type"),
        ({"ms_played": 1.5}, "bad_type"),
        ({"shuffle": 1}, "bad_type"),
        ({"schema_version": 2}, "bad_value"),
        ({"event_id": "e\u200b1"}, "bad_value"),
        ({"track_id": "t\u202e1"}, "bad_value"),
        ({"occurred_at": "yesterday"}, "bad_value"),
        ({"occurred_at": "2026-11-21"}, "bad_value"),
        ({"occurred_at": "2026-02-30T00:00:00Z"}, "bad_value"),
        ({"occurred_at": "0001-01-01T00:00:00+23:59"}, "out_of_time"),
    ],
)
def test_a_field_that_breaks_its_rule_is_refused(changes, expected):
    assert reason(value(**changes)) == expected


@pytest.mark.parametrize("field", ["session_id", "track_id", "event", "occurred_at"])
def test_the_four_required_fields_are_required(field):
    event = good_event(BEGAN_MS)
    del event[field]
    assert reason(json.dumps(event).encode()) == "missing_field"


@pytest.mark.parametrize("raw", [b"42", b'"play"', b"null", b"true"])
def test_a_scalar_is_no_event(raw):
    assert reason(raw) == "bad_type"


def test_128_characters_are_an_id_however_many_bytes_they_take():
    assert decode_event(value(track_id="\N{GUITAR}" * 128), BEGAN_MS).track_id[127] == "\N{GUITAR}"
    assert reason(value(track_id="\N{GUITAR}" * 129)) == "bad_type"


@pytest.mark.parametrize(
    "more",
    [
        b'"mood":1,"mood":2',
        b'"mood":{"track_id":1,"track_id":2}',
        b'"mood":{"a":1,"a":2},"tempo":"\\n"',
    ],
)
def test_only_fields_of_the_contract_must_not_be_given_twice(more):
    assert decode_event(value()[:-1] + b"," + more + b"}", BEGAN_MS).track_id == "t1"


def test_an_ignored_number_may_be_longer_than_any_integer():
    raw = value()[:-1] + b',"mood":' + b"9" * 5000 + b',"tempo":"\\n"}'
    assert decode_event(raw, BEGAN_MS).track_id == "t1"


def test_the_message_of_an_error_names_what_was_found_and_what_was_expected():
    with pytest.raises(EventError, match=r"out_of_time: occurred_at .* is 691200 s older"):
        decode_event(value(occurred_at=rfc3339(BEGAN_MS - 8 * 24 * 3_600_000)), BEGAN_MS)


def outcome_of(raw: bytes) -> PlaybackEvent | EventError:
    try:
        return decode_event(raw, BEGAN_MS)
    except EventError as err:
        return err


def decoded_or_refused(raw: bytes) -> None:
    """The one law: an event that keeps the contract, or an EventError with a known reason."""
    event = outcome_of(raw)
    if isinstance(event, EventError):
        assert event.reason in REASONS
        assert event.reason != "internal"
        assert event.detail
        return
    for text in (event.session_id, event.track_id, event.id):
        assert 1 <= len(text) <= 128
        assert text.isprintable()
    assert -NEWEST_MS <= BEGAN_MS - event.occurred_ms <= OLDEST_MS
    assert event.event in {"start", "play", "skip", "other"}
    assert 0 <= event.outcome <= 4


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(raw):
    decoded_or_refused(raw)


@given(almost_events())
def test_any_json_with_our_keys_is_decoded_or_refused(event):
    decoded_or_refused(json.dumps(event).encode())


@given(json_values())
@settings(max_examples=50)
def test_any_json_is_decoded_or_refused(anything):
    decoded_or_refused(json.dumps(anything).encode())


@given(st.data())
def test_a_good_event_with_bytes_changed_is_decoded_or_refused(data):
    raw = bytearray(value(event_id="e1", seq=3, ms_played=4, mood="\\ a"))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    decoded_or_refused(bytes(raw))
