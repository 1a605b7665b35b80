"""Shares are added, of what may be offered."""

import numpy as np
import pytest

from models.counting.baselines import Markov, MostPopular
from models.counting.mixture import Mixture
from models.questions import Ranker
from models.sessions import packed

from ..asking import after

PLAYED = packed([("s1", [("a", 1), ("b", 1), ("c", 1), ("b", 1)]), ("s2", [("a", 1), ("c", 1)])])


def test_every_part_gives_its_weight_to_all_but_the_current_track():
    current = PLAYED.track_ids.index("a") + 1
    parts: list[tuple[float, Ranker]] = [
        (0.25, Markov.fit(PLAYED)),
        (0.75, MostPopular.fit(PLAYED)),
    ]
    scores = Mixture(parts, "both").scores(after(current))[0]
    assert scores.sum() == pytest.approx(1)
    assert scores[[0, current]].tolist() == [0, 0]
    popular = MostPopular.fit(PLAYED).scores(after(current))[0]
    popular[[0, current]] = 0
    steps = Markov.fit(PLAYED).scores(after(current))[0]
    steps[[0, current]] = 0
    np.testing.assert_allclose(scores, 0.25 * steps / steps.sum() + 0.75 * popular / popular.sum())
