"""The accounting identity: what counts as answered, dead-lettered, missing, repeated."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.audit import Audit, Tally
from streams.dead_letters import dead_letter
from streams.decoding import EventError
from streams.events import (
    PlaybackEvent,
    Recommendation,
    RecommendedItem,
    Source,
    encode,
    recommendation_id,
)
from streams.fault import Fault
from streams.session import Arrival

NOW_MS = 1_800_000_000_000
MOMENT = "2027-01-15T08:00:00Z"


Record = tuple[str, tuple[Any, ...]]
"""The method that takes it, and its arguments."""


def event(session: str = "s", track: str = "t", event_id: str | None = "e") -> PlaybackEvent:
    return PlaybackEvent(
        session_id=session, track_id=track, event="play", occurred_at=MOMENT, event_id=event_id
    )


def answer(
    to: PlaybackEvent, tracks: tuple[str, ...] = ("a", "b"), source: tuple[int, int] = (0, 0)
) -> bytes:
    return encode(
        Recommendation(
            recommendation_id=recommendation_id(to.session_id, to.id),
            session_id=to.session_id,
            event_id=to.id,
            items=tuple(RecommendedItem(t, 1.0, i) for i, t in enumerate(tracks, 1)),
            model_version="1",
            fallback=None,
            source=Source(*source),
            occurred_at=MOMENT,
            scored_at=MOMENT,
            latency_ms=1.0,
        )
    )


def letter(partition: int, offset: int) -> list[tuple[str, bytes]]:
    error = EventError("not_json", "poison")
    at = Arrival(partition, offset, NOW_MS)
    return list(dead_letter(b"k", b"{", error, at, "events", "dlq").headers)


def feed(audit: Audit, records: list[Record]) -> Tally:
    for take, arguments in records:
        getattr(audit, take)(*arguments)
    return audit.tally()


def test_an_event_with_a_list_is_answered():
    asked = event()
    tally = feed(
        Audit(),
        [("event", (0, 0, encode(asked), NOW_MS)), ("recommendation", (answer(asked),))],
    )
    assert tally == Tally(1, 1, 0, [], 0, [], 0)


def test_an_event_without_an_id_is_answered_under_the_one_that_follows_from_it():
    asked = event(event_id=None)
    tally = feed(
        Audit(),
        [("recommendation", (answer(asked),)), ("event", (0, 0, encode(asked), NOW_MS))],
    )
    assert tally.answered == 1


def test_an_event_with_neither_list_nor_letter_is_missing_by_its_offset():
    tally = feed(Audit(), [("event", (3, 7, encode(event()), NOW_MS))])
    assert (tally.missing, tally.answered) == ([(3, 7)], 0)


def test_an_answer_to_another_session_with_the_same_event_id_answers_nothing():
    tally = feed(
        Audit(),
        [
            ("event", (0, 0, encode(event("s1")), NOW_MS)),
            ("recommendation", (answer(event("s2")),)),
        ],
    )
    assert tally.missing == [(0, 0)]


def test_one_list_answers_every_copy_that_a_player_sent():
    raw = encode(event())
    tally = feed(
        Audit(),
        [
            ("event", (0, 0, raw, NOW_MS)),
            ("recommendation", (answer(event()),)),
            ("event", (0, 1, raw, NOW_MS)),
        ],
    )
    assert (tally.events_in, tally.answered, tally.repeats) == (2, 2, 0)


def test_a_list_for_each_copy_that_a_player_sent_is_no_repeat_but_a_second_one_is():
    raw = encode(event())
    records: list[Record] = [
        ("event", (0, 0, raw, NOW_MS)),
        ("event", (0, 1, raw, NOW_MS)),
        ("recommendation", (answer(event(), source=(0, 0)),)),
        ("recommendation", (answer(event(), source=(0, 1)),)),
    ]
    assert feed(Audit(), records).repeats == 0
    assert feed(Audit(), [*records, records[-1]]).repeats == 1
    assert feed(Audit(), [*records, records[2]]).repeats == 1


def test_poison_is_missing_until_its_letter_names_its_offset():
    audit = Audit()
    assert feed(audit, [("event", (0, 5, b"{", NOW_MS))]).missing == [(0, 5)]
    assert feed(audit, [("dead_letter", (letter(0, 4),))]).missing == [(0, 5)]
    assert feed(audit, [("dead_letter", (letter(0, 5),))]) == Tally(1, 0, 1, [], 0, [], 0)


def test_an_event_refused_and_answered_counts_once_as_answered():
    """`internal` letters may meet a duplicate that was answered."""
    tally = feed(
        Audit(),
        [
            ("event", (0, 0, encode(event()), NOW_MS)),
            ("dead_letter", (letter(0, 0),)),
            ("recommendation", (answer(event()),)),
        ],
    )
    assert (tally.answered, tally.dead_lettered, tally.missing) == (1, 0, [])


def test_the_clock_of_the_broker_decides_what_is_out_of_time():
    late = NOW_MS + 8 * 24 * 3600 * 1000
    tally = feed(
        Audit(), [("event", (0, 0, encode(event()), late)), ("dead_letter", (letter(0, 0),))]
    )
    assert tally.dead_lettered == 1


def test_a_different_list_under_one_id_is_a_conflict_and_no_repeat():
    asked = event()
    tally = feed(
        Audit(),
        [
            ("recommendation", (answer(asked),)),
            ("recommendation", (answer(asked, ("b", "a")),)),
            ("recommendation", (answer(asked),)),
        ],
    )
    assert tally.conflicts == [recommendation_id("s", "e")]
    assert tally.repeats == 1


def test_a_second_id_for_one_event_is_a_conflict():
    said = json.loads(answer(event()))
    other = json.dumps({**said, "recommendation_id": "another"}).encode()
    tally = feed(Audit(), [("recommendation", (answer(event()),)), ("recommendation", (other,))])
    assert tally.conflicts == ["another"]


def test_what_cannot_be_read_settles_nothing_and_is_counted():
    tally = feed(
        Audit(),
        [
            ("event", (0, 0, b"{", NOW_MS)),
            ("recommendation", (b"{",)),
            ("recommendation", (None,)),
            ("dead_letter", ([("segue.reason", b"not_json")],)),
        ],
    )
    assert (tally.unreadable, tally.missing) == (3, [(0, 0)])


# (session, event id, valid): few of each, so that duplicates happen.
STREAM = st.lists(
    st.tuples(st.sampled_from("xyz"), st.integers(0, 5), st.booleans()), min_size=1, max_size=25
)


def history(stream: list[tuple[str, int, bool]]) -> tuple[list[Record], list[Record]]:
    """The events topic, and what a faultless worker makes of each event."""
    events: list[Record] = []
    outputs: list[Record] = []
    for offset, (session, number, valid) in enumerate(stream):
        asked = event(session, event_id=f"e{number}")
        raw = encode(asked) if valid else b'{"session_id"'
        events.append(("event", (0, offset, raw, NOW_MS)))
        if valid:
            outputs.append(("recommendation", (answer(asked),)))
        else:
            outputs.append(("dead_letter", (letter(0, offset),)))
    return events, outputs


@given(STREAM, st.data())
def test_the_identity_holds_whatever_is_lost_and_what_is_lost_is_missing(stream, data):
    events, outputs = history(stream)
    kept = data.draw(st.lists(st.booleans(), min_size=len(outputs), max_size=len(outputs)))
    said = [output for output, keep in zip(outputs, kept, strict=True) if keep]
    tally = feed(Audit(), events + said)
    assert tally.events_in == tally.answered + tally.dead_lettered + len(tally.missing)
    told = {payload for kind, payload in said if kind == "recommendation"}
    expected = [
        (0, offset)
        for offset, (output, keep) in enumerate(zip(outputs, kept, strict=True))
        if not keep and not (output[0] == "recommendation" and output[1] in told)
    ]
    assert tally.missing == expected


@given(STREAM, st.randoms(use_true_random=False))
def test_it_does_not_matter_which_topic_is_read_ahead(stream, random):
    events, outputs = history(stream)
    topics = [
        list(events),
        [output for output in outputs if output[0] == "recommendation"],
        [output for output in outputs if output[0] == "dead_letter"],
    ]
    in_turn = feed(Audit(), [record for topic in topics for record in topic])
    mixed: list[Record] = []
    while topics := [topic for topic in topics if topic]:
        mixed.append(random.choice(topics).pop(0))
    assert feed(Audit(), mixed) == in_turn
    assert in_turn.missing == []


@given(STREAM)
def test_saying_everything_twice_adds_repeats_and_nothing_else(stream):
    events, outputs = history(stream)
    once = feed(Audit(), events + outputs)
    twice = feed(Audit(), events + outputs + outputs)
    assert twice == once._replace(repeats=once.repeats + len(outputs))


def test_a_letter_must_say_what_decoding_its_event_says_whichever_comes_first():
    bad = ("event", (0, 0, b"{", NOW_MS))
    wrong = ("dead_letter", ([*letter(0, 0)[1:], ("segue.reason", b"too_large")],))
    for order in ([bad, wrong], [wrong, bad]):
        audit = Audit()
        tally = feed(audit, order)
        assert (tally.dead_lettered, tally.wrong_reasons) == (1, 1)
        assert audit.faults(5) == [
            Fault("reason", 0, 0, None, "its dead letter says 'too_large', expected not_json")
        ]


def test_a_good_event_may_only_be_refused_because_answering_it_failed():
    good = ("event", (0, 0, encode(event()), NOW_MS))
    internal = ("dead_letter", ([*letter(0, 0)[1:], ("segue.reason", b"internal")],))
    assert feed(Audit(), [good, internal]).wrong_reasons == 0
    assert feed(Audit(), [good, ("dead_letter", (letter(0, 0),))]).wrong_reasons == 1


def test_letters_for_events_before_the_first_that_is_counted_are_not_judged():
    tally = feed(
        Audit(),
        [("event", (0, 5, encode(event()), NOW_MS)), ("dead_letter", (letter(0, 4),))],
    )
    assert tally.wrong_reasons == 0


def test_a_list_under_an_id_that_does_not_follow_from_its_event_answers_nothing():
    said = json.loads(answer(event()))
    other = json.dumps({**said, "recommendation_id": "another"}).encode()
    tally = feed(
        Audit(), [("recommendation", (other,)), ("event", (0, 0, encode(event()), NOW_MS))]
    )
    assert (tally.missing, tally.conflicts) == ([(0, 0)], ["another"])


def test_the_first_few_of_each_kind_of_trouble_are_told_with_their_sessions():
    audit = Audit()
    for number in range(7):
        raw = encode(event(f"s{number}"))
        feed(audit, [("event", (0, number, raw, NOW_MS))])
    feed(audit, [("recommendation", (answer(event("x"), tracks),)) for tracks in (("a",), ("b",))])
    told = [(fault.kind, fault.offset, fault.session_id) for fault in audit.faults(2)]
    assert told == [("missing", 0, "s0"), ("missing", 1, "s1"), ("conflicting", 0, "x")]
    assert audit.unsettled() == {f"s{number}" for number in range(7)}


@pytest.mark.parametrize("letter_first", [True, False])
def test_a_session_whose_event_was_answered_only_when_it_was_replayed_is_unsettled(letter_first):
    audit, raw = Audit(), encode(event())
    headers = dict(letter(0, 0)) | {"segue.reason": b"internal"}
    refused: list[Record] = [
        ("dead_letter", (list(headers.items()),)),
        ("event", (0, 0, raw, NOW_MS)),
    ]
    feed(audit, refused if letter_first else refused[::-1])
    tally = feed(audit, [("event", (0, 1, raw, NOW_MS)), ("recommendation", (answer(event()),))])
    assert (tally.answered, tally.missing, tally.wrong_reasons) == (2, [], 0)
    assert audit.unsettled() == {"s"}
