import hashlib

import pytest

from streams.dead_letters import CAP, DETAIL_CAP, dead_letter
from streams.decoding import EventError
from streams.records import Record
from streams.session import Arrival

AT = Arrival(partition=3, offset=41, appended_ms=0)
ERROR = EventError("bad_type", "Expected `str`, got `int` - at `$.session_id`")


def letter(key: bytes | None, value: bytes | None, error: EventError = ERROR) -> Record:
    return dead_letter(key, value, error, AT, "events", "dlq")


def test_a_dead_letter_holds_the_bytes_as_they_came_and_says_why_and_from_where():
    assert letter(b"s\xff", b"\x00\xffnot json") == Record(
        "dlq",
        b"s\xff",
        b"\x00\xffnot json",
        (
            ("segue.reason", b"bad_type"),
            ("segue.detail", b"Expected `str`, got `int` - at `$.session_id`"),
            ("segue.source.topic", b"events"),
            ("segue.source.partition", b"3"),
            ("segue.source.offset", b"41"),
        ),
    )


@pytest.mark.parametrize(("key", "value"), [(b"", b""), (None, b"x"), (b"k", None)])
def test_nothing_and_empty_stay_what_they_are(key, value):
    record = letter(key, value)
    assert (record.key, record.value) == (key, value)


def test_a_record_of_neither_key_nor_value_becomes_one_that_can_be_sent():
    """aiokafka refuses to send it, so the worker tried again for ever and answered nothing more."""
    record = letter(None, None)
    assert (record.key, record.value) == (None, b"")


def test_a_value_up_to_the_cap_is_whole():
    record = letter(None, b"x" * CAP)
    assert record.value == b"x" * CAP
    assert "segue.value.bytes" not in dict(record.headers)


def test_a_value_over_the_cap_is_cut_and_its_size_and_hash_are_told():
    value = b"x" * (CAP + 1)
    record = letter(b"k" * (CAP + 1), value)
    assert record.value == value[:CAP]
    assert record.key == b"k" * CAP
    assert dict(record.headers)["segue.value.bytes"] == b"65537"
    digest = hashlib.sha256(value).hexdigest().encode()
    assert dict(record.headers)["segue.value.sha256"] == digest


@pytest.mark.parametrize("lead", range(4))
def test_a_long_detail_is_cut_between_characters(lead):
    detail = "." * lead + "\N{GUITAR}" * 5000
    told = dict(letter(None, None, EventError("bad_value", detail)).headers)["segue.detail"]
    assert detail.startswith(told.decode())
    assert DETAIL_CAP - 4 < len(told) <= DETAIL_CAP


def test_a_detail_that_is_no_text_is_told_as_well_as_can_be():
    told = letter(None, None, EventError("bad_value", "id \ud800")).headers[1]
    assert told == ("segue.detail", b"id ?")
