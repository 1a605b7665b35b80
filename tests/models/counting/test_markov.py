"""Steps are counted by their length, and add up as the plain definition says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.counting.markov import DecayedMarkov, MarkovConfig, step_counts
from models.sessions import Sessions, packed
from tests.strategies import sessions

from ..asking import after, agree

PLAYED = packed(
    [("s1", [("a", 1), ("b", 1), ("c", 1)]), ("s2", [("a", 1), ("c", 1), ("a", 1)])],
    ["a", "b", "c", "d"],
)
CONFIGS = st.builds(
    MarkovConfig,
    decays=st.sampled_from([(1.0,), (1.0, 0.5), (1.0, 0.5, 0.25, 0.125)]),
    shares=st.booleans(),
    smoothing=st.sampled_from([0.0, 1.0, 2.5]),
    popularity=st.sampled_from([0.0, 0.5, 1.0]),
    near=st.sampled_from([0.0, 0.7]),
    window=st.integers(1, 4),
)


def plain(train: Sessions, config: MarkovConfig, history: list[int]) -> dict[int, float]:
    plays = train.counts()
    scores: dict[int, float] = {}
    for lag, decay in enumerate(config.decays, start=1):
        if lag > len(history):
            break
        for wanted, worth in (({lag: 1.0}, decay), (near_steps(config), config.near / lag)):
            found: dict[int, float] = {}
            for i in range(len(train)):
                items = train.session(i)[0].tolist()
                for at, source in enumerate(items):
                    for step, times in wanted.items():
                        if source == history[-lag] and 0 <= at + step < len(items):
                            target = items[at + step]
                            share = times / max(plays[target], 1) ** config.popularity
                            found[target] = found.get(target, 0) + share
            total = sum(found.values()) + config.smoothing if config.shares else 1
            for target, weight in found.items():
                scores[target] = scores.get(target, 0) + worth * weight / total
    return scores


def near_steps(config: MarkovConfig) -> dict[int, float]:
    return {sign * k: 1 / k for k in range(1, config.window + 1) for sign in (1, -1)}


def test_steps_are_counted_by_their_length_inside_sessions():
    counts = step_counts(PLAYED, MarkovConfig(decays=(1.0, 0.5)))
    assert counts.lags is not None
    columns = counts.lags, counts.sources, counts.targets, counts.weights
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == [
        (1, 1, 2, 1), (1, 1, 3, 1), (1, 2, 3, 1), (1, 3, 1, 1), (2, 1, 1, 1), (2, 1, 3, 1),
    ]  # fmt: skip


def test_steps_longer_than_any_session_are_none():
    assert step_counts(PLAYED, MarkovConfig(decays=(1.0,) * 9)).reach == 2
    assert len(step_counts(PLAYED.select([]), MarkovConfig(near=1.0)).weights) == 0


@given(sessions(min_size=1), CONFIGS)
def test_scores_are_those_of_the_plain_definition(train, config):
    markov = DecayedMarkov.fit(train, config)
    agree(markov, train, lambda history: plain(train, config, history))


def test_what_nothing_was_seen_to_follow_is_ranked_by_plays():
    scores = DecayedMarkov.fit(PLAYED).scores(after(4))
    assert np.argsort(-scores[0, 1:]).tolist() == [0, 2, 1, 3]


@pytest.mark.parametrize("wrong", [{"decays": ()}, {"decays": (1.0, 0.0)}, {"smoothing": -1}])
def test_weights_that_rank_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match="decays must be one or more numbers"):
        MarkovConfig(**wrong)
