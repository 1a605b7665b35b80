import numpy as np
import pytest

from streams.catalog import Catalog
from streams.counts import CountsEngine, TransitionCounts

CATALOG = Catalog(track_ids=tuple("abcdef"), counts=(1, 5, 3, 3, 0, 8))  # popular: f b c d a e


def counts(*triples: tuple[int, int, float]) -> TransitionCounts:
    sources, targets, weights = zip(*triples, strict=True) if triples else ((), (), ())
    return TransitionCounts(
        np.array(sources, dtype=np.int32),
        np.array(targets, dtype=np.int32),
        np.array(weights, dtype=np.float32),
    )


def test_steps_of_several_lengths_survive_parquet_and_counts_without_keep_their_columns():
    one = counts((1, 2, 3), (2, 1, 1))
    far = TransitionCounts(one.sources, one.targets, one.weights, np.array([3, 1], dtype=np.int32))
    again = TransitionCounts.from_parquet(far.to_parquet())
    assert again.lags is not None
    assert (again.lags.tolist(), again.reach) == ([3, 1], 3)
    assert TransitionCounts.from_parquet(one.to_parquet()).lags is None
    assert (one.reach, counts().reach) == (1, 1)


def test_a_pair_may_occur_once_for_each_lag():
    ones = np.ones(2, dtype=np.int32)
    weights = np.ones(2, dtype=np.float32)
    TransitionCounts(ones, ones, weights, np.array([1, 2], dtype=np.int32))
    with pytest.raises(ValueError, match="a pair twice"):
        TransitionCounts(ones, ones, weights, np.array([2, 2], dtype=np.int32))
    with pytest.raises(ValueError, match="a lag of -1, expected 0 or more"):
        TransitionCounts(ones, ones, weights, np.array([1, -1], dtype=np.int32))


def top(engine: CountsEngine, current: int, *exclude: int) -> tuple[list[int], list[float]]:
    scores, candidates = engine.top([[(current, 1)]], np.array([exclude or [0]]))
    return candidates[0].tolist(), scores[0].tolist()


def test_seen_transitions_come_first_then_the_popular_and_scores_never_rise():
    engine = CountsEngine(counts((1, 5, 0.5), (1, 4, 2), (2, 1, 9)), CATALOG, cutoff=5)
    candidates, scores = top(engine, 1, 1)
    assert candidates == [4, 5, 6, 2, 3]
    assert scores == pytest.approx([3, 1.5, 0.4, 0.25, 0.15])


def test_equal_weights_are_in_order_of_popularity():
    engine = CountsEngine(counts((1, 3, 2), (1, 4, 2), (1, 2, 2)), CATALOG, cutoff=3)
    assert top(engine, 1)[0] == [2, 3, 4]


def test_an_excluded_track_leaves_its_place_to_the_next():
    engine = CountsEngine(counts((1, 4, 2), (1, 5, 1)), CATALOG, cutoff=2)
    assert top(engine, 1, 4, 1)[0] == [5, 6]


def test_what_cannot_be_filled_is_item_zero_with_minus_infinity():
    engine = CountsEngine(counts(), CATALOG, cutoff=6)
    candidates, scores = top(engine, 2, 2, 6)
    assert candidates == [3, 4, 1, 5, 0, 0]
    assert scores[4:] == [-np.inf, -np.inf]


def test_only_the_newest_track_counts():
    engine = CountsEngine(counts((1, 4, 2), (2, 5, 2)), CATALOG, cutoff=1)
    _, candidates = engine.top([[(1, 1), (2, 1)], [(2, 1), (1, 1)]], np.zeros((2, 1), np.int64))
    assert candidates.tolist() == [[5], [4]]


@pytest.mark.parametrize(
    ("triple", "message"),
    [
        ((0, 1, 1), "item 0"),
        ((1, 1, 0), "not finite and positive"),
        ((1, 1, np.nan), "not finite and positive"),
    ],
)
def test_counts_that_mean_nothing_are_refused(triple, message):
    with pytest.raises(ValueError, match=message):
        counts(triple)


def test_a_pair_twice_is_refused():
    with pytest.raises(ValueError, match="pair twice"):
        counts((1, 2, 1), (1, 2, 3))


def test_parquet_gives_back_what_was_written():
    written = counts((1, 2, 0.25), (3, 1, 7))
    read = TransitionCounts.from_parquet(written.to_parquet())
    for name in ("sources", "targets", "weights"):
        np.testing.assert_array_equal(getattr(read, name), getattr(written, name))
