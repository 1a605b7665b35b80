from hypothesis import given
from hypothesis import strategies as st

from streams.progress import Progress

PATIENCE = 30.0


def test_with_nothing_that_waits_there_is_progress_for_ever():
    progress = Progress(PATIENCE, 0.0)
    for now in range(0, 1000, 10):
        progress.look({}, now)
        assert progress.stalled(now) is None


def test_what_moves_has_not_stalled_however_much_of_it_waits():
    progress = Progress(PATIENCE, 0.0)
    for now in range(0, 1000, 20):
        progress.look({"taking": now}, now)
        assert progress.stalled(now) is None


def test_what_stands_for_the_patience_has_stalled_and_is_named():
    progress = Progress(PATIENCE, 0.0)
    for now in range(0, 41, 10):
        progress.look({"taking": 7, "answering": now}, now)
    assert progress.stalled(29.9) is None
    assert progress.stalled(30.0) == ("taking stands at 7 for 30 s", 0.0)
    assert progress.stalled(40.0) == ("taking stands at 7 for 40 s", 10.0)


def test_what_was_done_meanwhile_begins_anew_when_it_waits_again():
    progress = Progress(PATIENCE, 0.0)
    progress.look({"taking": 7}, 0.0)
    progress.look({}, 20.0)
    progress.look({"taking": 7}, 25.0)
    assert progress.stalled(50.0) is None


def test_nobody_looking_is_a_stall_of_its_own():
    progress = Progress(PATIENCE, 5.0)
    assert progress.stalled(34.0) is None
    assert progress.stalled(35.0) == ("the event loop does not turn for 30 s", 0.0)


@given(st.lists(st.integers(0, 2), max_size=60))
def test_it_has_stalled_exactly_when_one_place_lasts_as_long_as_the_patience(places):
    progress, lasts = Progress(3.0, 0.0), 0
    for now, place in enumerate(places):
        lasts = lasts + 1 if now and places[now - 1] == place else 0
        progress.look({"taking": place}, now)
        assert (progress.stalled(now) is not None) == (lasts >= 3)
