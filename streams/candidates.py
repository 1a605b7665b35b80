"""What a second stage is told of each candidate of the first, and of the session it is for.

Navon & Andrade (paper 4, section 8) name the idea for large catalogs: reduce the candidates first,
then recommend among them. The second stage can look at what would be too dear for the whole
catalog: here at exact continuations, at whether a track was in the session and how it ended there,
and at how the session goes. It is fitted (models/second_stage) and served with this very code.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .continuations import SHARES, Continuations
from .events import SKIPPED_AT_ONCE, SKIPPED_EARLY

VERSION = 1
"""Of what is told; a bundle whose second stage was fitted on another is refused."""
_OUTCOMES = SKIPPED_AT_ONCE  # known ones: 1 to this
FEATURES = 3 + SHARES + 3 + _OUTCOMES  # F, of a candidate
CONTEXT = 3 + _OUTCOMES  # G, of a session
_SHARES = slice(3, 3 + SHARES)
_THERE, _BACK, _TIMES = range(_SHARES.stop, _SHARES.stop + 3)
_ENDED = slice(_TIMES + 1, FEATURES)
_FLOOR = 1e-3  # share that counts as never seen to follow

Ints = NDArray[np.int64]
Numbers = NDArray[np.float32]


class Told(NamedTuple):
    """What a second stage reads."""

    features: Numbers  # (n, K, F)
    context: Numbers  # (n, G)


class Describer:
    """Knows what followed what, how often each track was played and skipped.

    | features of a candidate | |
    |---|---|
    | score of the first stage | below the best |
    | share after each lag, near, after each run (continuations.py) | log(1 + share / floor) |
    | plays, skip rate | log, logit |
    | whether it is in the session, 1 / steps back, times | 0 where it is not |
    | how it ended there the last time | one of the known outcomes, or none |

    Of the session: log length, share of repeats, skip rate, how the newest track ended. The rank in
    the first stage is not told: it says no more than the score, and where two scores are equal
    within rounding, another machine may have it otherwise.
    """

    def __init__(
        self, continuations: Continuations, plays: NDArray[np.integer], skips: Numbers
    ) -> None:
        """`plays` (N + 1,) in training, `skips` (N + 1,) logits of skip rates."""
        self._continuations = continuations
        self._own = np.stack([np.log1p(plays), skips], axis=1).astype(np.float32)  # (N + 1, 2)

    def describe(
        self, scores: Numbers, candidates: Ints, items: Ints, outcomes: Ints, lengths: Ints
    ) -> Told:
        """Tell of candidates (n, K), best first, with the first stage's scores (n, K).

        Sessions are items and outcomes (n, T), right-padded, of lengths (n,), 1 or more. A score of
        -inf is of no candidate: what is told of it means nothing.
        """
        rows, count = candidates.shape
        features = np.zeros((rows, count, FEATURES), np.float32)
        features[:, :, 0] = below(scores)
        features[:, :, 1:3] = self._own[candidates]
        places = _Places(candidates, len(self._own))
        flat = features.reshape(rows * count, FEATURES)
        flat[:, _SHARES] = self._shares(places, items, lengths)
        _tell_of_session(flat, places, items, outcomes, lengths)
        return Told(features, _context(items, outcomes, lengths))

    def _shares(self, places: _Places, items: Ints, lengths: Ints) -> Numbers:
        found = self._continuations.after(items, lengths)
        at, kept = places.of(found.question, found.item)
        column = at * SHARES + found.kind[kept]
        sums = np.bincount(column, found.share[kept], places.size * SHARES)
        some = np.flatnonzero(sums)
        shares = np.zeros(len(sums), np.float32)
        shares[some] = np.log1p(sums[some] / _FLOOR)
        return shares.reshape(-1, SHARES)


def below(scores: Numbers) -> Numbers:
    """Give scores (n, K), best first, as how far they are below the best; 0 where not finite."""
    finite = np.isfinite(scores)
    best = np.where(finite[:, :1], scores[:, :1], 0)
    return np.where(finite, np.where(finite, scores, 0) - best, 0)


class _Places:
    """Finds items among the candidates of their question."""

    def __init__(self, candidates: Ints, width: int) -> None:
        self._width = width
        order = np.argsort(candidates, axis=1)
        first = np.arange(len(candidates))[:, None]
        self._sorted = (first * width + np.take_along_axis(candidates, order, axis=1)).ravel()
        self._place = (first * candidates.shape[1] + order).ravel()
        self.size = candidates.size

    def of(self, question: Ints, item: Ints) -> tuple[Ints, Ints]:
        """Give places in the flat candidates, and which of the (m,) asked for have one."""
        wanted = question * self._width + item
        at = np.minimum(np.searchsorted(self._sorted, wanted), self.size - 1)
        kept = np.flatnonzero(self._sorted[at] == wanted)
        return self._place[at[kept]], kept


def _tell_of_session(
    flat: Numbers, places: _Places, items: Ints, outcomes: Ints, lengths: Ints
) -> None:
    """Write into features (n K, F) what each candidate was in its session."""
    question, step = np.nonzero(items)  # steps rise, so that the last one of a track is kept below
    at, kept = places.of(question, items[question, step])
    question, step = question[kept], step[kept]
    flat[at, _THERE] = 1
    flat[at, _BACK] = 1 / (lengths[question] - step)
    flat[:, _TIMES] = np.bincount(at, minlength=places.size)
    ended = np.zeros(len(flat), np.int64)
    ended[at] = outcomes[question, step]
    flat[:, _ENDED] = _one_hot(ended)


def _context(items: Ints, outcomes: Ints, lengths: Ints) -> Numbers:
    """Tell of each session how it goes, (n, G)."""
    ordered = np.sort(items, axis=1)
    distinct = (np.diff(ordered, axis=1, prepend=0) > 0).sum(axis=1)
    skipped, known = (outcomes >= SKIPPED_EARLY).sum(axis=1), (outcomes > 0).sum(axis=1)
    newest = np.take_along_axis(outcomes, lengths[:, None] - 1, axis=1)[:, 0]
    numbers = [np.log(lengths), 1 - distinct / lengths, (skipped + 0.5) / (known + 1)]
    return np.concatenate([np.stack(numbers, axis=1), _one_hot(newest)], axis=1, dtype=np.float32)


def _one_hot(outcomes: Ints) -> NDArray[np.bool_]:
    """Give a column for each known outcome, (...) -> (..., outcomes)."""
    found: NDArray[np.bool_] = outcomes[..., None] == np.arange(1, _OUTCOMES + 1)
    return found
