"""The definition of the blend, on one session by hand."""

import numpy as np
import pytest

from export.blend import Blend
from tests.bundles import tiny_counts


def test_a_tracks_counts_are_added_up_before_their_logarithm_is():
    scores = np.arange(9, dtype=np.float32)[None]
    raised = Blend(tiny_counts(), 0.4).scores(scores, [[(5, 1), (2, 1), (1, 0)]]) - scores
    expected = np.zeros(9)
    expected[[2, 3, 7, 8]] = 0.4 * np.log([31, 22, 1.5, 1 + 4 / 2])
    assert raised[0] == pytest.approx(expected, rel=1e-5)


def test_a_track_that_never_came_before_raises_nothing():
    scores = np.arange(9, dtype=np.float32)[None]
    assert Blend(tiny_counts(), 0.4).scores(scores, [[(1, 1), (5, 0)]]).tolist() == scores.tolist()
