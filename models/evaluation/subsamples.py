"""Figures over equal, disjoint subsamples of the test sessions: their mean, and how they vary.

Navon & Andrade (2019, section 5) evaluate on another subsample of the same size. One figure hides
how much of it is the luck of that sample; k of them show it. The deviation is of a subsample, which
is larger than the whole test set's own uncertainty by the root of k.
"""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np

from ..questions import Ints
from .evaluation import Evaluation


def subsamples(sessions: int, count: int, rng: np.random.Generator) -> list[Ints]:
    """Draw `count` disjoint sets of session numbers, all of one size; what is left over is in none.

    Raises:
        ValueError: there are fewer sessions than subsamples, or fewer than two are wanted.
    """
    if not 2 <= count <= sessions:
        raise ValueError(
            f"{count} subsamples of {sessions} test sessions: expected 2 to {sessions}"
        )
    size = sessions // count
    drawn = rng.permutation(sessions)[: count * size]
    return [np.sort(part) for part in np.split(drawn, count)]


def subsampled(evaluation: Evaluation, count: int, seed: int = 0) -> dict[str, Any]:
    """Give each figure's mean and standard deviation over subsamples of the sessions asked about.

    The same seed draws the same ones for every ranker that was asked the same questions.
    """
    sessions = np.unique(evaluation.session)
    drawn = subsamples(len(sessions), count, np.random.default_rng(seed))
    found: dict[str, list[float]] = {}
    for part in drawn:
        metrics = evaluation.of(np.isin(evaluation.session, sessions[part])).metrics()
        for name, value in metrics.items():
            if isinstance(value, float):
                found.setdefault(name, []).append(value)
    return {
        "count": count,
        "sessions": len(drawn[0]),
        "metrics": {
            name: {"mean": statistics.fmean(values), "sd": statistics.stdev(values)}
            for name, values in found.items()
            if len(values) == count
        },
    }
