"""Neighbours and their tracks, as a plain computation over all sessions has them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.counting import session_knn
from models.counting.session_knn import SessionKnn, SessionKnnConfig
from models.sessions import Sessions
from tests.strategies import sessions

from ..asking import agree

CONFIGS = st.builds(
    SessionKnnConfig,
    neighbours=st.integers(1, 4),
    newest=st.integers(1, 4),
    reads=st.integers(1, 6),
    position=st.sampled_from(["linear", "quadratic", "exponential"]),
    position_decay=st.sampled_from([0.7, 3.0]),
    cosine=st.booleans(),
    age_decay=st.sampled_from([None, 0.5]),
    distance_decay=st.sampled_from([None, 1.5]),
    match=st.booleans(),
    idf=st.sampled_from([0.0, 1.0]),
)


def plain(train: Sessions, config: SessionKnnConfig, history: list[int]) -> dict[int, float]:
    every = [train.session(i)[0].tolist() for i in range(len(train))]
    places = [{item: place for place, item in enumerate(items)} for items in every]
    read = history[-config.reads :]
    back = {item: len(read) - 1 - place for place, item in enumerate(read)}
    holders = {
        item: [i for i in range(len(train)) if item in places[i]]
        for item in range(1, train.n_items + 1)
    }
    alike = []
    for i, own in enumerate(places):
        common = [item for item in back if item in own and i in holders[item][-config.newest :]]
        if not common:
            continue
        likeness = sum(weight(config, back[item], len(read)) for item in common)
        if config.cosine:
            likeness /= math.sqrt(len(own))
        if config.age_decay is not None:
            likeness *= math.exp(-(len(train) - 1 - i) / len(train) / config.age_decay)
        newest = min(common, key=back.__getitem__)
        alike.append((float(np.float32(likeness)), i, likeness, newest))
    scores: dict[int, float] = {}
    for _, i, likeness, newest in sorted(alike, reverse=True)[: config.neighbours]:
        if config.match:
            likeness *= max(0, 1 - 0.1 * back[newest])
        for item, place in places[i].items():
            worth = likeness * math.log(len(train) / len(holders[item])) ** config.idf
            if config.distance_decay is not None:
                worth *= math.exp(-abs(place - places[i][newest]) / config.distance_decay)
            scores[item] = scores.get(item, 0) + worth
    return scores


def weight(config: SessionKnnConfig, back: int, length: int) -> float:
    if config.position == "exponential":
        return math.exp(-back / config.position_decay)
    return (1 - back / length) ** (2 if config.position == "quadratic" else 1)


@given(sessions(min_size=1), CONFIGS)
def test_scores_are_those_of_the_plain_definition(train, config):
    agree(SessionKnn.fit(train, config), train, lambda history: plain(train, config, history))


@given(sessions(min_size=1, max_size=6))
def test_work_in_small_parts_gives_the_same(train):
    def scored() -> list[float]:
        found: list[np.ndarray] = []
        agree(Kept(knn, found), train, lambda history: plain(train, config, history))
        return [float(x) for scores in found for x in scores.ravel()]

    config = SessionKnnConfig(neighbours=2, position="exponential")
    knn = SessionKnn.fit(train, config)
    whole = scored()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_knn, "_POSTINGS", 1)
        assert scored() == whole


class Kept:
    """A ranker whose answers are kept."""

    def __init__(self, ranker: SessionKnn, found: list[np.ndarray]) -> None:
        self.name, self.n_items, self.listed = ranker.name, ranker.n_items, ranker.listed
        self._ranker, self._found = ranker, found

    def scores(self, questions, allowed=None):
        self._found.append(self._ranker.scores(questions, allowed))
        return self._found[-1]


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"neighbours": 0}, "neighbours, newest and reads must be"),
        ({"distance_decay": 0.0}, "every decay must be above 0"),
    ],
)
def test_settings_that_find_nothing_are_refused(wrong, complaint):
    with pytest.raises(ValueError, match=complaint):
        SessionKnnConfig(**wrong)
