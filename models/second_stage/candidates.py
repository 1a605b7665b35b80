"""The candidates of a first stage, and what a second is told besides them and the session.

What it is told of each is in streams/candidates.py, where it is served too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..evaluation.evaluate import SKIPPED
from ..questions import Floats, Ints, Questions
from ..sessions import Sessions

_PRIOR = 10  # occurrences of average outcome that a track's skip rate begins with


def best(questions: Questions, scores: Floats, most: int) -> tuple[Ints, NDArray[np.float32]]:
    """Give the best items of `scores` (n, N + 1), at most `most`, and their scores, best first.

    The current track is none of them: where nothing else is left, it is item 0 with -inf.

    Raises:
        ValueError: the catalog has one track, and so no candidate.
    """
    size = scores.shape[1] - 1
    if size < 2:
        raise ValueError("the catalog has one track, expected two or more to choose from")
    count = min(most, size)
    scores = np.array(scores, dtype=np.float32)
    scores[np.arange(len(scores)), questions.current] = -np.inf
    scores[:, 0] = -np.inf
    found = np.argpartition(-scores, count - 1, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(scores, found, axis=1), axis=1, kind="stable")
    items = np.take_along_axis(found, order, axis=1)
    of_items = np.take_along_axis(scores, items, axis=1)
    return np.where(np.isneginf(of_items), 0, items), of_items


def skip_rates(train: Sessions) -> NDArray[np.float32]:
    """Give the logit of each track's skip rate, (N + 1,); [0] is that of all tracks."""
    size = train.n_items + 1
    skipped = np.bincount(train.items, np.isin(train.outcomes, SKIPPED), size)
    known = np.bincount(train.items, train.outcomes > 0, size)
    average = (skipped.sum() + 1) / (known.sum() + 2)
    skipped[0] = known[0] = 0
    rate = (skipped + _PRIOR * average) / (known + _PRIOR)
    logits: NDArray[np.float32] = np.log(rate / (1 - rate)).astype(np.float32)
    return logits
