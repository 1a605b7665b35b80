"""Continuations are read as they were written, and what is no such table is refused."""

import numpy as np
import pytest

from streams.continuations import LAGS, RUNS, SHARES, Continuations, lag_keys, run_keys


def table(keys: list[int], targets: list[int], shares: list[float]) -> Continuations:
    return Continuations(
        np.array(keys, np.uint64), np.array(targets, np.int32), np.array(shares, np.float32)
    )


def test_what_is_written_is_read():
    one = table([3, 3, 2**64 - 1], [1, 7, 2], [0.5, 0.25, 1])
    other = Continuations.from_parquet(one.to_parquet())
    assert other.keys.tolist() == [3, 3, 2**64 - 1]
    assert other.targets.tolist() == [1, 7, 2]
    assert other.shares.tolist() == [0.5, 0.25, 1]
    assert other.largest_item == 7


def test_each_lag_and_run_is_found_by_its_own_key_and_near_counts_less_from_further_back():
    newest = np.arange(5, 0, -1)
    keys = np.concatenate(
        [lag_keys(np.arange(1, 6), newest), lag_keys(np.zeros(5, np.int64), newest),
         run_keys(newest[None, :4])[0]]
    )  # fmt: skip
    order = np.argsort(keys)
    halves = Continuations(keys[order], order.astype(np.int32) + 1, np.full(13, 0.5, np.float32))
    found = halves.after(np.array([[1, 2, 3, 4, 5, 0]]), np.array([5]))
    of_item = np.argsort(found.item)
    assert found.item[of_item].tolist() == list(range(1, 14))
    kinds = [*range(LAGS), *[LAGS] * LAGS, *range(LAGS + 1, SHARES)]
    assert found.kind[of_item].tolist() == kinds
    near = [0.5 / back for back in range(1, LAGS + 1)]
    shares = [*[0.5] * LAGS, *near, *[0.5] * len(RUNS)]
    assert found.share[of_item].tolist() == pytest.approx(shares)


def test_a_run_with_a_track_that_is_not_there_has_no_key():
    assert run_keys(np.array([[5, 4, 0, 0], [5, 0, 0, 0]]))[:, 1:].tolist() == [[0, 0], [0, 0]]
    assert lag_keys(np.array([1, 2]), np.array([[0, 3]]))[0, 0] == 0


def test_a_table_of_nothing_has_nothing_to_say():
    empty = Continuations.from_parquet(table([], [], []).to_parquet())
    assert not len(empty.after(np.array([[1, 2]]), np.array([2])).item)
    assert empty.largest_item == 0


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (([1], [1, 2], [0.5]), "1 keys, 2 targets and 1 shares"),
        (([2, 1], [1, 1], [0.5, 0.5]), "do not rise"),
        (([1, 1], [4, 4], [0.5, 0.5]), "do not rise"),
        (([1], [0], [0.5]), "item or key 0"),
        (([0], [1], [0.5]), "item or key 0"),
        (([1], [1], [0.0]), "not above 0"),
        (([1], [1], [float("nan")]), "not above 0"),
        (([1], [1], [1.5]), "at most 1"),
    ],
)
def test_what_is_no_such_table_is_refused(parts, message):
    with pytest.raises(ValueError, match=message):
        table(*parts)


def test_another_file_is_refused():
    with pytest.raises(ValueError, match=r"continuations\.parquet cannot be read"):
        Continuations.from_parquet(b"nothing of the kind")
