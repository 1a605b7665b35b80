import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import delivery
from streams.answering import INLINE_SECONDS
from streams.decoding import EventError
from streams.events import (
    HEARD,
    UNKNOWN,
    Feedback,
    PlaybackEvent,
    Recommendation,
    recommendation_id,
)
from streams.recommendations import rfc3339
from streams.session import Arrival, Limits
from tests.streams.event_strategies import BEGAN_MS, Delivered, listening
from tests.streams.memory_worker import ANSWER_MS, TOPICS, MemoryWorker, ranking

EVENTS, LISTS, FEEDBACK, DLQ = TOPICS.events, TOPICS.recommendations, TOPICS.feedback, TOPICS.dlq


@pytest.fixture(autouse=True, scope="module")
def _no_pauses():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivery, "RETRY_SECONDS", (0.0,))
        yield


def event(kind: str, track: str, offset: int, session: str = "s") -> PlaybackEvent:
    return PlaybackEvent(
        session_id=session,
        track_id=track,
        event=kind,
        occurred_at=rfc3339(BEGAN_MS + 1000 * offset),
        event_id=f"e{offset}",
    )


def at(offset: int) -> Arrival:
    return Arrival(0, offset, BEGAN_MS + 1000 * offset)


def worker_after(*steps: tuple[str, str]) -> MemoryWorker:
    """A worker that answered these (kind, track) one by one, each with the list b, c."""
    worker = MemoryWorker()
    for offset, (kind, track) in enumerate(steps):
        worker.scorer.rankings.append(ranking("bc"))
        worker.answer(worker.delivery(event(kind, track, offset), at(offset)))
    return worker


def test_the_state_is_there_before_anything_goes_out_and_the_offset_is_done_last():
    worker = worker_after(("play", "a"))
    assert worker.kinds() == ["state", LISTS, FEEDBACK, "done"]


@pytest.mark.parametrize(
    ("row_seconds", "inline"),
    [(INLINE_SECONDS, True), (2 * INLINE_SECONDS, False)],
)
def test_only_quick_scoring_is_done_on_the_event_loop(row_seconds, inline):
    worker = MemoryWorker()
    worker.scorer.row_seconds = row_seconds
    worker.scorer.rankings.append(ranking("bc"))
    worker.answer(worker.delivery(event("play", "a", 0), at(0)))
    assert (worker.scorer.threads == {threading.current_thread().name}) is inline


def test_a_batch_writes_every_state_first_and_ends_every_offset_last():
    worker = MemoryWorker()
    worker.scorer.rankings = [ranking("bc"), ranking("ca")]
    worker.answer(
        worker.delivery(event("start", "a", 0, "s1"), at(0)),
        worker.delivery(b"not an event", at(1)),
        worker.delivery(event("play", "b", 2, "s2"), at(2)),
    )
    kinds = worker.kinds()
    assert kinds[:2] == ["state", "state"]
    assert sorted(kinds[2:-3]) == sorted([DLQ, LISTS, LISTS, FEEDBACK])
    assert worker.happened[-3:] == [("done", 0), ("done", 1), ("done", 2)]


def test_an_answer_is_the_models_list_for_the_history_under_the_events_own_id():
    worker = worker_after(("start", "a"), ("play", "a"))
    assert worker.scorer.asked == [(("a", UNKNOWN),), (("a", HEARD),)]
    last = worker.told(LISTS, Recommendation)[-1]
    assert [(item.track_id, item.rank) for item in last.items] == [("b", 1), ("c", 2)]
    assert last.recommendation_id == recommendation_id("s", "e1")
    assert (last.source.offset, last.latency_ms, last.model_version) == (1, ANSWER_MS, "v1")
    assert {record.key for record in worker.records(LISTS)} == {b"s"}


def test_finished_occurrences_are_told_with_the_list_that_was_current():
    worker = worker_after(("play", "a"), ("start", "b"), ("play", "b"))
    told = worker.told(FEEDBACK, Feedback)
    assert [(f.position, f.track_id, f.rank, f.recommendation_id) for f in told] == [
        (0, "a", None, None),
        (1, "b", 1, recommendation_id("s", "e0")),
    ]


@pytest.mark.parametrize("what", ["state", LISTS, FEEDBACK])
def test_what_the_broker_does_not_take_is_sent_again_until_it_does(what):
    worker = MemoryWorker()
    worker.scorer.rankings = [ranking("bc")]
    worker.failures = [what] * 3
    worker.answer(worker.delivery(event("play", "a", 0), at(0)))
    assert worker.failures == []
    assert sorted(worker.kinds()) == sorted(["state", LISTS, FEEDBACK, "done"])
    assert (worker.kinds()[0], worker.kinds()[-1]) == ("state", "done")
    assert worker.metric("segue_produce_retries_total") == 3


def test_only_what_failed_is_sent_again():
    worker = MemoryWorker()
    worker.scorer.rankings = [ranking("bc"), ranking("ca")]
    worker.failures = [LISTS]
    worker.answer(
        worker.delivery(event("start", "a", 0, "s1"), at(0)),
        worker.delivery(event("start", "b", 1, "s2"), at(1)),
    )
    assert len(worker.records(LISTS)) == 2


def test_a_dead_letter_carries_its_reason_and_the_bytes():
    worker = MemoryWorker()
    worker.failures = [DLQ]
    worker.answer(worker.delivery(b"not an event", at(7), key=b"k"))
    [letter] = worker.records(DLQ)
    headers = dict(letter.headers)
    assert (letter.key, letter.value) == (b"k", b"not an event")
    assert headers["segue.reason"] == b"not_json"
    assert headers["segue.source.topic"] == EVENTS.encode()
    assert headers["segue.source.offset"] == b"7"
    assert worker.kinds() == [DLQ, "done"]
    assert worker.metric("segue_dead_letters_total", reason="not_json") == 1


def test_a_claim_that_is_dead_before_the_batch_is_left_alone():
    worker = MemoryWorker()
    delivery = worker.delivery(event("play", "a", 0), at(0))
    delivery.claim.live = False  # type: ignore[misc]
    worker.answer(delivery)
    assert worker.happened == []


@pytest.mark.parametrize(
    ("dies_before", "left"), [("state", [DLQ, "done"]), (LISTS, ["state", DLQ, "done"])]
)
def test_a_claim_that_dies_in_the_batch_is_not_answered_and_not_done(dies_before, left):
    worker = MemoryWorker()
    worker.scorer.rankings = [ranking("bc")]
    doomed = worker.delivery(event("start", "a", 0), at(0))
    other = worker.delivery(EventError("empty", "nothing"), at(1))

    def die(what: str) -> None:
        if what == dies_before:
            doomed.claim.live = False  # type: ignore[misc]
            raise ConnectionError("the partition is gone")

    worker.before = die
    worker.answer(doomed, other)
    assert worker.kinds() == left
    assert ("done", 0) not in worker.happened
    assert worker.metric("segue_events_total", outcome="answered") == 0


def test_the_newest_event_again_gets_the_identical_list_and_changes_nothing():
    worker = worker_after(("play", "a"), ("start", "b"))
    stored, before = dict(worker.stored), list(worker.happened)
    worker.answer(worker.delivery(event("start", "b", 1), at(1)))
    assert worker.stored == stored
    assert worker.kinds()[len(before) :] == [LISTS, "done"], "the state is not written again"
    first, again = worker.told(LISTS, Recommendation)[-2:]
    assert first == again
    assert len(worker.scorer.asked) == 2, "the model is not asked again"
    assert worker.metric("segue_events_total", outcome="repeated") == 1


def test_the_newest_event_again_tells_its_feedback_again():
    worker = worker_after(("play", "a"), ("play", "b"))
    worker.answer(worker.delivery(event("play", "b", 1), at(1)))
    told = worker.told(FEEDBACK, Feedback)
    assert told[-1] == told[-2]
    assert worker.metric("segue_occurrences_total", model_version="v1", outcome="heard") == 1


def test_a_duplicate_the_player_sent_at_once_is_answered_at_its_own_place():
    worker = worker_after(("play", "a"))
    worker.answer(worker.delivery(event("play", "a", 0), at(1)))
    first, again = worker.told(LISTS, Recommendation)
    assert (first.recommendation_id, first.items) == (again.recommendation_id, again.items)
    assert (first.source.offset, again.source.offset) == (0, 1)
    assert worker.scorer.asked == [(("a", HEARD),)]


def test_an_older_event_again_is_only_counted():
    worker = worker_after(("play", "a"), ("play", "b"), ("play", "c"))
    before, stored = list(worker.happened), dict(worker.stored)
    worker.answer(worker.delivery(event("play", "a", 0), at(3)))
    assert worker.happened[len(before) :] == [("done", 3)]
    assert worker.stored == stored
    assert worker.metric("segue_events_total", outcome="repeated") == 1
    assert worker.metric("segue_events_total", outcome="answered") == 3


def test_an_expired_record_is_not_used():
    worker = MemoryWorker(limits=Limits(retention_ms=500))
    worker.scorer.rankings = [ranking("bc"), ranking("bc")]
    worker.answer(worker.delivery(event("play", "a", 0), at(0)))
    worker.answer(worker.delivery(event("play", "b", 1), at(1)))
    assert worker.scorer.asked == [(("a", HEARD),), (("b", HEARD),)]


def test_without_a_model_every_event_is_answered_with_an_empty_list():
    worker = MemoryWorker(model=False)
    worker.answer(worker.delivery(event("play", "a", 0), at(0)))
    [told] = worker.told(LISTS, Recommendation)
    assert (told.items, told.fallback, told.model_version) == ((), "no_model", "none")
    assert worker.metric("segue_recommendations_total", fallback="no_model") == 1


def test_an_event_of_an_unknown_kind_that_comes_first_is_scored_for_its_track_and_not_kept():
    worker = worker_after(("other", "a"))
    assert worker.scorer.asked == [(("a", UNKNOWN),)]
    session = worker.load("s")
    assert session is not None
    assert (session.history, session.begun) == ((), 0)
    assert worker.kinds() == ["state", LISTS, "done"]


def test_hits_are_counted_by_the_model_that_foresaw_them_and_beside_the_popularity_list():
    # Popular: a, b, c. After a, the popularity list is b, c; the model's lists are b, c.
    worker = worker_after(("play", "a"), ("play", "b"), ("skip", "z"))
    labels = {"model_version": "v1"}
    assert worker.metric("segue_occurrences_total", **labels, outcome="heard") == 1
    assert worker.metric("segue_occurrences_total", **labels, outcome="skipped") == 1
    assert worker.metric("segue_hits_total", **labels, outcome="heard") == 1
    assert worker.metric("segue_hits_total", **labels, outcome="skipped") == 0
    assert worker.metric("segue_popularity_hits_total", **labels, outcome="heard") == 1


def test_a_model_that_fails_lets_the_batch_fail_before_anything_is_written():
    worker = MemoryWorker()
    with pytest.raises(IndexError):
        worker.answer(worker.delivery(event("play", "a", 0), at(0)))
    assert worker.happened == []


def answered(delivered: list[Delivered], cut_off_at: set[int]) -> MemoryWorker:
    """A worker that loses its partition before these writes; what is not done comes again."""
    worker = MemoryWorker()
    worker.scorer.model = lambda history: ranking("abc" if len(history) % 2 else "cba")
    writes = 0
    for event_, arrival in delivered:
        while ("done", arrival.offset) not in worker.happened:
            delivery = worker.delivery(event_, arrival)

            def cut_off(_: str, claim=delivery.claim) -> None:
                nonlocal writes
                writes += 1
                if writes in cut_off_at:
                    claim.live = False
                if not claim.live:
                    raise ConnectionError("the partition is gone")

            worker.before = cut_off
            worker.answer(delivery)
    return worker


@given(listening(max_size=8), st.sets(st.integers(1, 20)))
@settings(max_examples=40)
def test_a_worker_cut_off_at_any_write_leaves_what_an_undisturbed_one_leaves(delivered, cut_off_at):
    calm, cut = answered(delivered, set()), answered(delivered, cut_off_at)
    assert cut.stored == calm.stored

    def lists(worker: MemoryWorker) -> list[object]:
        """Each id with its list, once; two lists under one id would both be here."""
        told = worker.told(LISTS, Recommendation)
        return list(dict.fromkeys((t.recommendation_id, t.items, t.source) for t in told))

    def finished(worker: MemoryWorker) -> list[Feedback]:
        return list(dict.fromkeys(worker.told(FEEDBACK, Feedback)))

    assert lists(cut) == lists(calm)
    assert len(lists(calm)) == len(delivered)
    assert finished(cut) == finished(calm)


def test_a_forgotten_session_is_answered_with_nothing_and_begins_anew():
    worker = worker_after(("start", "a"), ("forget", "-"), ("play", "b"))
    forgotten, anew = worker.told(LISTS, Recommendation)[1:]
    assert (forgotten.items, forgotten.fallback, forgotten.model_version) == (
        (),
        "forgotten",
        "none",
    )
    assert forgotten.recommendation_id == recommendation_id("s", "e1")
    assert worker.scorer.asked == [(("a", UNKNOWN),), (("b", HEARD),)]
    assert anew.fallback is None
    (told,) = worker.told(FEEDBACK, Feedback)  # a stays unfinished: nothing is told of it
    assert (told.track_id, told.position, told.rank, told.recommendation_id) == ("b", 0, None, None)


def test_a_forgotten_session_holds_nothing_of_what_was():
    worker = worker_after(("play", "a"), ("start", "b"), ("forget", "-"))
    kept = worker.load("s")
    assert kept is not None
    assert kept.forgotten
    assert (kept.history, kept.pending, kept.closed, kept.event_ids) == ((), None, (), ("e2",))


def test_a_forgetting_that_kafka_delivers_again_is_answered_again():
    worker = worker_after(("play", "a"), ("forget", "-"))
    worker.answer(worker.delivery(event("forget", "-", 1), at(1)))
    lists = worker.told(LISTS, Recommendation)
    assert lists[-1].recommendation_id == lists[-2].recommendation_id
    worker.answer(worker.delivery(event("play", "a", 0), at(0)))  # older: it was answered
    assert len(worker.told(LISTS, Recommendation)) == 3
