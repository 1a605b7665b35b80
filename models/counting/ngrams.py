"""What followed exactly these tracks: shares of continuations, looked up for some items alone.

Of one track, so many steps later (skip-grams: what a Markov chain of several steps adds up,
markov.py), and of the newest two, three and four in a row (n-grams), which tell a playlist that is
played in its order from tracks that merely go together.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..questions import Questions
from ..sessions import Sessions
from .csr import Floats, Ints
from .markov import MarkovConfig, step_counts

STEPS = MarkovConfig(near=1.0)
LAGS = len(STEPS.decays)
RUNS = (2, 3, 4)  # tracks in a row
SHARES = LAGS + 1 + len(RUNS)  # of an item: after each lag, near, after each run
_SMOOTHING = 1.0  # added to all that followed: what is seen once is worth little

Keys = NDArray[np.uint64]


class Ngrams:
    """Counts of what followed, by a 64-bit hash of the tracks and of where they stood.

    A collision could only give a track a share that is another's.
    """

    def __init__(self, sessions: Sessions) -> None:
        """Count the steps and runs of sessions; what crosses an unknown track is not counted."""
        rng = np.random.default_rng(0x5E60E)  # the same always, or equal seeds would rank unlike
        self._codes = rng.integers(0, 2**64, sessions.n_items + 1, dtype=np.uint64)
        self._factors = rng.integers(0, 2**64, (LAGS + len(RUNS) + 1, max(RUNS)), dtype=np.uint64)
        self._factors |= np.uint64(1)
        steps = step_counts(sessions, STEPS)
        assert steps.lags is not None
        keys, items, counts = [], [], []
        for lag in range(LAGS + 1):  # 0 is near
            of = steps.lags == lag
            keys.append(self._hashed(lag, steps.sources[of][:, None]))
            items.append(steps.targets[of])
            counts.append(steps.weights[of])
        known = sessions.known()
        owner = np.repeat(np.arange(len(known)), known.lengths)
        for kind, run in enumerate(RUNS, start=LAGS + 1):
            if len(owner) <= run:
                break
            inside = owner[:-run] == owner[run:]
            keys.append(self._hashed(kind, sliding_window_view(known.items, run)[:-1][inside]))
            items.append(known.items[run:][inside])
            counts.append(np.ones(int(inside.sum()), np.float32))
        key, count = np.concatenate(keys), np.concatenate(counts)
        self._places, inverse = np.unique(
            self._placed(key, np.concatenate(items)), return_inverse=True
        )
        self._counts = _summed(inverse, count)
        self._keys, inverse = np.unique(key, return_inverse=True)
        self._totals = _summed(inverse, count) + _SMOOTHING

    def shares(self, questions: Questions, items: Ints) -> Floats:
        """Give the shares of items (n, K) after the newest tracks, (n, K, SHARES), from 0 to 1."""
        reach = max(LAGS, *RUNS)
        windows, _, lengths = questions.windows(reach)
        columns = lengths[:, None] - np.arange(reach, 0, -1)  # below 0 where there is no track
        newest = np.take_along_axis(windows, np.maximum(columns, 0), axis=1) * (columns >= 0)
        found = np.zeros((*items.shape, SHARES))
        for lag in range(1, LAGS + 1):
            source = newest[:, -lag, None]
            found[:, :, lag - 1] = self._share(self._hashed(lag, source), items)
            found[:, :, LAGS] += self._share(self._hashed(0, source), items) / lag
        for kind, run in enumerate(RUNS, start=LAGS + 1):
            found[:, :, kind] = self._share(self._hashed(kind, newest[:, -run:]), items)
        return found

    def _hashed(self, kind: int, tracks: NDArray[np.integer]) -> Keys:
        """Hash runs of tracks, (n, m) -> (n,); 0, which has no counts, where one is missing."""
        mixed = (self._codes[tracks] * self._factors[kind, : tracks.shape[1]]).sum(axis=1)
        return np.where((tracks > 0).all(axis=1), mixed, np.uint64(0))

    def _placed(self, keys: Keys, items: NDArray[np.integer]) -> Keys:
        placed: Keys = keys ^ self._codes[items]
        return placed

    def _share(self, keys: Keys, items: Ints) -> Floats:
        """Look up (n,), (n, K) -> (n, K)."""
        counts = _found(self._places, self._counts, self._placed(keys[:, None], items))
        shares: Floats = counts / _found(self._keys, self._totals, keys, _SMOOTHING)[:, None]
        return shares


def _summed(places: Ints, counts: NDArray[np.float32]) -> Floats:
    found: Floats = np.bincount(places, weights=counts).astype(np.float64)  # of none: integers
    return found


def _found(table: Keys, values: Floats, keys: Keys, otherwise: float = 0.0) -> Floats:
    if not len(table):
        return np.full(keys.shape, otherwise)
    at = np.minimum(np.searchsorted(table, keys), len(table) - 1)
    return np.where(table[at] == keys, values[at], otherwise)
