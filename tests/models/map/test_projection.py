"""Neighbours before and after, and UMAP itself, once."""

import numpy as np
import pytest

from models.map.projection import (
    nearest,
    projected,
    share_alike,
    share_together,
    spread_out,
    strangers,
)


def clusters(count: int, each: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    middles = rng.standard_normal((count, 12)) * 5
    return (middles.repeat(each, axis=0) + rng.standard_normal((count * each, 12))).astype(
        np.float32
    )


def test_the_nearest_are_found_by_cosine_and_never_a_track_itself():
    matrix = np.array([[1, 0], [9, 1], [0, 1], [-1, 0]], np.float32)
    assert nearest(matrix, 2).tolist()[0] == [1, 2]
    assert all(row not in found for row, found in enumerate(nearest(matrix, 3).tolist()))
    assert nearest(matrix, 10).shape == (4, 3)


def test_shares_count_pairs_of_which_both_are_named():
    pairs = np.array([[1, 2], [0, 2], [0, 1]])
    assert share_alike(pairs, ["x", "x", "y"]) == pytest.approx(2 / 6)
    assert share_alike(pairs, ["x", "x", None]) == 1
    assert share_alike(pairs, [None, None, None]) is None


def test_two_tracks_are_together_where_one_playlist_holds_both():
    pairs = np.array([[1, 2], [0, 2], [0, 1]])
    owners = [np.array([1, 2]), np.array([2]), np.array([3])]
    assert share_together(pairs, owners) == pytest.approx(2 / 6)
    assert share_together(pairs, [np.array([], np.int64)] * 3) is None


def test_strangers_are_others():
    drawn = strangers(5, 20)
    assert (drawn != np.arange(5)[:, None]).all()
    assert set(drawn.ravel().tolist()) == set(range(5))


def test_umap_keeps_clusters_apart_and_the_same_seed_gives_the_same_picture():
    matrix = clusters(3, 14)
    found, again = projected(matrix, seed=1), projected(matrix, seed=1)
    np.testing.assert_array_equal(found.flat, again.flat)
    assert (found.flat.shape, found.deep.shape) == ((42, 2), (42, 3))
    assert np.abs(found.flat).max() == pytest.approx(1)
    label = np.arange(42) // 14
    for points in (found.flat, found.deep):
        middles = np.stack([points[label == group].mean(axis=0) for group in range(3)])
        apart = np.linalg.norm(points[:, None] - middles, axis=2)
        assert (apart.argmin(axis=1) == label).mean() > 0.9
    assert min(found.trustworthiness) > 0.6
    assert spread_out(matrix).shape == (42, 2)


def test_too_few_tracks_make_no_map():
    with pytest.raises(ValueError, match="16 tracks make no map, expected 17"):
        projected(clusters(4, 4))
