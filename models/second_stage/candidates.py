"""What a second stage is told of each candidate of the first, and of the session it is for.

Navon & Andrade (paper 4, section 8) name the idea for large catalogs: reduce the candidates first,
then recommend among them. The second stage can look at what would be too dear for the whole
catalog: here at exact continuations, at whether a track was in the session and how it ended there,
and at how the session goes. All of it is known in serving.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..counting.ngrams import SHARES, Ngrams
from ..evaluation.evaluate import SKIPPED
from ..questions import Floats, Ints, Questions
from ..sessions import MAX_OUTCOME, Sessions

Numbers = NDArray[np.float32]

FEATURES = 2 + SHARES + 2 + 3 + MAX_OUTCOME  # F, of a candidate
CONTEXT = 3 + MAX_OUTCOME  # G, of a session
HISTORY = 50  # newest occurrences that count as the session, as many as a worker keeps
_FLOOR = 1e-3  # share that counts as never seen to follow
_PRIOR = 10  # occurrences of average outcome that a track's skip rate begins with


class Candidates(NamedTuple):
    """The first stage's best of each question, best first."""

    items: Ints  # (n, K)
    scores: Numbers  # (n, K) below the best one's
    features: Numbers  # (n, K, F)
    context: Numbers  # (n, G)


class Describer:
    """Knows training sessions by what followed what, how often each track was played and skipped.

    | features of a candidate | |
    |---|---|
    | score and rank of the first stage | below the best, log |
    | share after each lag, near, after each run (counting/ngrams.py) | log(1 + share / floor) |
    | plays, skip rate | log, logit |
    | whether it is in the session, 1 / steps back, times | 0 where it is not |
    | how it ended there the last time | one of MAX_OUTCOME, or none |

    Of the session: log length, share of repeats, skip rate, how the newest track ended.
    """

    def __init__(self, train: Sessions) -> None:
        """Count."""
        self.n_items = train.n_items
        self._ngrams = Ngrams(train)
        size = train.n_items + 1
        self._plays = np.log1p(train.counts())
        skipped = np.bincount(train.items, np.isin(train.outcomes, SKIPPED), size)
        known = np.bincount(train.items, train.outcomes > 0, size)
        average = (skipped.sum() + 1) / (known.sum() + 2)
        rate = (skipped + _PRIOR * average) / (known + _PRIOR)
        self._skips = np.log(rate / (1 - rate))

    def describe(self, questions: Questions, scores: Floats, most: int) -> Candidates:
        """Take the best of `scores` (n, N + 1), at most `most`; the current track is none of them.

        Raises:
            ValueError: the catalog has one track, and so no candidate.
        """
        count = min(most, self.n_items - 1)
        if count < 1:
            raise ValueError("the catalog has one track, expected two or more to choose from")
        scores = np.array(scores, dtype=np.float32)
        scores[np.arange(len(scores)), questions.current] = -np.inf
        scores[:, 0] = -np.inf
        best = np.argpartition(-scores, count - 1, axis=1)[:, :count]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        items = np.take_along_axis(best, order, axis=1)
        of_items = np.take_along_axis(scores, items, axis=1)
        below = of_items - of_items[:, :1]  # (n, K)
        rank = np.broadcast_to(np.log(np.arange(1, count + 1)), items.shape)
        shares = np.log1p(self._ngrams.shares(questions, items) / _FLOOR)
        own = np.stack([below, rank, self._plays[items], self._skips[items]], axis=2)
        history = questions.windows(HISTORY)
        features = np.concatenate([own, shares, _in_session(items, *history)], axis=2)
        return Candidates(
            items, below.astype(np.float32), features.astype(np.float32), _context(*history)
        )


def _in_session(items: Ints, tracks: Ints, outcomes: Ints, lengths: Ints) -> Floats:
    """Tell of each candidate what it was in the session, (n, K, 3 + MAX_OUTCOME)."""
    found = (tracks[:, None, :] == items[:, :, None]) & (items > 0)[:, :, None]  # (n, K, T)
    times = found.sum(axis=2)
    there = times > 0
    last = found.shape[2] - 1 - found[:, :, ::-1].argmax(axis=2)  # meaningless where it is not
    back = np.where(there, 1 / np.maximum(lengths[:, None] - last, 1), 0)
    ended = np.where(there, np.take_along_axis(outcomes, last, axis=1), 0)
    return np.concatenate([np.stack([there, back, times], axis=2), _one_hot(ended)], axis=2)


def _context(tracks: Ints, outcomes: Ints, lengths: Ints) -> Numbers:
    """Tell of each session how it goes, (n, G)."""
    ordered = np.sort(tracks, axis=1)
    distinct = ((np.diff(ordered, axis=1, prepend=0) > 0) & (ordered > 0)).sum(axis=1)
    skipped, known = np.isin(outcomes, SKIPPED).sum(axis=1), (outcomes > 0).sum(axis=1)
    newest = np.take_along_axis(outcomes, lengths[:, None] - 1, axis=1)[:, 0]
    numbers = [np.log(lengths), 1 - distinct / lengths, (skipped + 0.5) / (known + 1)]
    return np.concatenate([np.stack(numbers, axis=1), _one_hot(newest)], axis=1, dtype=np.float32)


def _one_hot(outcomes: Ints) -> Floats:
    """Give a column for each known outcome, (...) -> (..., MAX_OUTCOME)."""
    found: Floats = (outcomes[..., None] == np.arange(1, MAX_OUTCOME + 1)).astype(np.float64)
    return found
