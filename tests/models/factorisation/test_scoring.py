"""The baselines beside factorisation machines, on users who have little."""

import numpy as np

from models.data.canonical import to_frame
from models.factorisation.interactions import interactions
from models.factorisation.scoring import FmScorer, ItemKnn, Popular, UserKnn
from models.sessions import packed

DATA = interactions(
    to_frame(packed([("a", [("x", 1), ("y", 1)]), ("b", [("x", 1), ("z", 1)]), ("c", [("w", 1)])]))
)
X, W, Y, Z = range(4)
USERS = np.arange(3)
FEATURES = USERS[:, None]


def test_popularity_counts_users():
    assert Popular.fit(DATA).scores(FEATURES, USERS).tolist() == [[2, 1, 1, 1]] * 3


def test_neighbours_give_what_they_have_by_cosine():
    scores = UserKnn.fit(DATA).scores(FEATURES, USERS)
    assert np.allclose(scores[0], [0.5, 0, 0, 0.5])  # b shares one of two tracks with a
    assert np.allclose(scores[2], 0)


def test_only_the_nearest_count():
    one = UserKnn.fit(DATA, neighbours=1).scores(FEATURES, USERS)
    assert np.allclose(one[0], [0.5, 0, 0, 0.5])


def test_similar_items_have_the_same_users():
    scores = ItemKnn.fit(DATA).scores(FEATURES, USERS)
    assert np.isclose(scores[0, Z], 1 / np.sqrt(2))  # through x
    assert scores[0, W] == scores[0, X] - np.float32(1 / np.sqrt(2)) == 0
    assert not scores[2].any()


def test_a_sum_of_machines_scores_what_they_score_together():
    rng = np.random.default_rng(0)
    shapes = (9, 4), (6, 4), (6,)
    machines = [
        FmScorer(*(rng.normal(size=shape).astype(np.float32) for shape in shapes)) for _ in range(3)
    ]
    features, users = np.array([[0, 3], [2, 8]]), np.array([0, 1])
    together = sum(each.scores(features, users) for each in machines)
    summed = FmScorer.summed(machines).scores(features, users)
    np.testing.assert_allclose(summed, together, rtol=1e-5, atol=1e-6)
