"""Feedback records become sessions once, in order, with the newest set aside."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.finetuning.feedback_window import FeedbackWindow, carry, sessions_of, window_of
from streams.events import HEARD, SKIPPED_AT_ONCE, Feedback, encode


def record(session: str, position: int, track: str = "t", minute: int = 0, **fields) -> Feedback:
    return Feedback(
        event_id=fields.pop("event_id", f"{session}-{position}-{minute}"),
        session_id=session,
        position=position,
        track_id=track,
        outcome=fields.pop("outcome", HEARD),
        rank=None,
        recommendation_id=None,
        model_version=None,
        propensity=None,
        occurred_at=f"2026-11-21T{10 + minute // 60:02d}:{minute % 60:02d}:{position:02d}Z",
    )


def values(*records: Feedback) -> list[bytes | None]:
    return [encode(entry) for entry in records]


def ids(visits) -> list[str]:
    return [visit.session_id for visit in visits]


def of_sessions(number: int) -> FeedbackWindow:
    return window_of(values(*(record(f"s{i}", p, minute=i) for i in range(number) for p in (0, 1))))


def test_interleaved_records_become_sessions_in_order_of_position():
    window = window_of(
        values(
            record("b", 0, "x", minute=1),
            record("a", 0, "x"),
            record("b", 1, "y", minute=1, outcome=SKIPPED_AT_ONCE),
            record("a", 1, "z"),
        )
    )
    sessions = sessions_of(window.visits)
    assert sessions.session_ids == ("a", "b")
    assert [sessions.occurrences(i) for i in range(2)] == [
        [("x", HEARD), ("z", HEARD)],
        [("x", HEARD), ("y", SKIPPED_AT_ONCE)],
    ]


def test_a_redelivered_record_counts_once():
    first, second = record("a", 0), record("a", 1)
    window = window_of(values(first, second, first, second))
    assert len(window.visits) == 1
    assert window.visits[0].records == (first, second)
    assert window.repeats == 2


def test_a_session_id_that_comes_back_after_a_silence_is_another_session():
    window = window_of(values(*(record("a", p, minute=m) for m in (0, 50) for p in (0, 1, 2))))
    assert [len(visit.records) for visit in window.visits] == [3, 3]
    assert [visit.fresh for visit in window.visits] == [True, True]


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"\xff",
        encode(record("a", 0)).replace(b'"position":0', b'"position":-1'),
        encode(record("a", 0)).replace(b'"outcome":1', b'"outcome":5'),
        encode(record("a", 0)).replace(b'"session_id":"a"', b'"session_id":""'),
        encode(record("a", 0)).replace(b"2026-11-21T10", b"yesterday"),
        encode(record("a", 0)).replace(b'"track_id":"t",', b""),
    ],
)
def test_a_record_that_cannot_be_read_is_counted_and_its_neighbours_live(value):
    good = values(record("a", 0), record("a", 1))
    window = window_of([good[0], value, good[1]])
    assert window.malformed == 1
    assert ids(window.visits) == ["a"]


def test_a_lone_occurrence_has_nothing_to_learn_from():
    assert window_of(values(record("a", 0))).visits == ()


def test_of_too_many_sessions_the_newest_are_kept():
    records = [record(f"s{i}", p, minute=i) for i in range(5) for p in (0, 1)]
    assert ids(window_of(values(*records), max_sessions=2).visits) == ["s3", "s4"]


def test_the_newest_sessions_are_held_out():
    learn, held_out = of_sessions(8).split(0.25)
    assert ids(learn) == [f"s{i}" for i in range(6)]
    assert ids(held_out) == ["s6", "s7"]


def test_a_session_that_began_before_the_window_is_never_held_out():
    window = window_of(
        values(
            *(record("new", p) for p in (0, 1)),
            *(record("old", p, minute=9) for p in (7, 8)),
        )
    )
    learn, held_out = window.split(0.5)
    assert ids(learn) == ["old"]
    assert ids(held_out) == ["new"]


def test_what_was_held_out_is_learned_from_in_the_next_window_with_its_continuation():
    _, held_out = of_sessions(4).split(0.5)
    following = window_of(
        values(record("s3", 2, minute=70), *(record("n", p, minute=80) for p in (0, 1))),
        carried=carry(held_out),
    )
    learn, later = following.split(0.5)
    assert [(visit.session_id, len(visit.records)) for visit in learn] == [("s2", 2), ("s3", 3)]
    assert ids(later) == ["n"]


def test_a_record_of_a_carried_session_that_comes_again_counts_once():
    _, held_out = of_sessions(2).split(0.5)
    again = window_of(values(*held_out[0].records), carried=carry(held_out))
    assert [visit.records for visit in again.visits] == [held_out[0].records]
    assert again.repeats == 2


@pytest.mark.parametrize("share", [0, 1, -0.5, 2])
def test_a_share_that_leaves_nothing_on_one_side_is_misuse(share):
    with pytest.raises(ValueError, match="expected a share between 0 and 1"):
        of_sessions(2).split(share)


def test_tracks_outside_a_given_catalog_become_item_zero():
    window = window_of(values(record("a", 0, "known"), record("a", 1, "new")))
    assert sessions_of(window.visits, ["known"]).items.tolist() == [1, 0]


streams = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(0, 4)), max_size=40
)


def numbered(plays) -> list[Feedback]:
    """Give each play the next position of its session, as the worker does."""
    begun: dict[str, int] = {}
    records = []
    for session, track, outcome in plays:
        position = begun.get(session, 0)
        begun[session] = position + 1
        records.append(record(session, position, track, outcome=outcome))
    return records


@given(streams)
def test_each_record_lands_in_exactly_one_session(plays):
    records = numbered(plays)
    window = window_of(values(*records))
    found = [r for visit in window.visits for r in visit.records]
    lone = [r for r in records if sum(r.session_id == s.session_id for s in records) == 1]
    assert sorted(map(encode, [*found, *lone])) == sorted(map(encode, records))
    for visit in window.visits:
        assert [r.position for r in visit.records] == list(range(len(visit.records)))


@given(streams, st.data())
def test_redelivery_from_any_earlier_record_on_changes_nothing(plays, data):
    raw = values(*numbered(plays))
    end = data.draw(st.integers(0, len(raw)))
    start = data.draw(st.integers(0, end))
    again = window_of([*raw[:end], *raw[start:end], *raw[end:]])
    assert again.visits == window_of(raw).visits
    assert again.repeats == end - start


@given(streams, st.floats(0.01, 0.99))
def test_a_split_shares_no_session_and_loses_none(plays, share):
    window = window_of(values(*numbered(plays)))
    learn, held_out = window.split(share)
    assert sorted(ids(learn) + ids(held_out)) == sorted(ids(window.visits))
    assert all(visit.fresh for visit in held_out)


@given(streams)
def test_carrying_loses_nothing(plays):
    visits = window_of(values(*numbered(plays))).visits
    carried = window_of([], carried=carry(visits)).visits
    assert [visit.records for visit in carried] == [visit.records for visit in visits]
    assert not any(visit.fresh for visit in carried)


def test_a_carried_line_that_was_damaged_is_an_error_not_a_silent_loss():
    with pytest.raises(msgspec.DecodeError):
        window_of([], carried=b"{\n")
