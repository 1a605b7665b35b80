"""A model that is right but slow is refused, by what both take for the same work."""

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest

from streams.bundle import BundleError
from streams.pace import ROUNDS, check_pace
from streams.scoring import Scorer, load_scorer
from streams.settings import ScoringSettings
from tests.bundles import counts_files, place


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    path: Path = place(counts_files(), tmp_path_factory.mktemp("bundle"))
    return load_scorer(path, ScoringSettings(provider="cpu", buckets=(1,)))


class Clock:
    """Each round takes what the pair says: the candidate's seconds, then the serving model's."""

    def __init__(self, *rounds: tuple[float, float]) -> None:
        self._steps: Iterator[float] = cycle(
            [step for took, usual in rounds for step in (0.0, took, usual)]
        )
        self._now = 0.0

    def __call__(self) -> float:
        self._now += next(self._steps)
        return self._now


def test_slower_than_the_factor_is_refused_as_slow(scorer):
    with pytest.raises(BundleError, match=r"100\.0 ms .* 10\.0 ms; at most 5 times") as refused:
        check_pace(scorer, scorer, 5, Clock((0.1, 0.01)))
    assert refused.value.reason == "slow"


def test_what_the_factor_allows_passes(scorer):
    check_pace(scorer, scorer, 10.5, Clock((0.1, 0.01)))


def test_what_is_quick_passes_whatever_served_before(scorer):
    check_pace(scorer, scorer, 5, Clock((0.024, 0.0001)))


def test_a_few_slow_moments_are_not_the_model_s(scorer):
    slow = ROUNDS // 2
    check_pace(scorer, scorer, 5, Clock(*[(1.0, 0.01)] * slow, *[(0.03, 0.01)] * (ROUNDS - slow)))


def test_a_model_keeps_its_own_pace(scorer):
    check_pace(scorer, scorer, 5)
