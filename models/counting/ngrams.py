"""Counts what followed exactly these tracks, as shares: `continuations.parquet` of a second stage.

Of one track, so many steps later (skip-grams: what a Markov chain of several steps adds up,
markov.py), and of the newest two, three and four in a row (n-grams). How they are looked up is in
streams/continuations.py.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from streams.continuations import LAGS, RUNS, Continuations, lag_keys, run_keys

from ..sessions import Sessions
from .markov import MarkovConfig, step_counts

_STEPS = MarkovConfig(decays=(1.0,) * LAGS, near=1.0)
_SMOOTHING = 1.0  # added to all that followed: what is seen once is worth little


def continuations(sessions: Sessions, most: int) -> Continuations:
    """Count the steps and runs of sessions; what crosses an unknown track is not counted.

    Of each lag and run the targets of most share are kept, so many `most`, ties by target.
    """
    steps = step_counts(sessions, _STEPS)
    assert steps.lags is not None
    keys = [lag_keys(steps.lags.astype(np.int64), steps.sources)]
    targets, counts = [steps.targets], [steps.weights]
    known = sessions.known()
    owner = np.repeat(np.arange(len(known)), known.lengths)
    for run in RUNS:
        if len(owner) <= run:
            break
        inside = owner[:-run] == owner[run:]
        before = sliding_window_view(known.items, run)[:-1][inside]
        keys.append(run_keys(before[:, ::-1])[:, -1])
        targets.append(known.items[run:][inside])
        counts.append(np.ones(len(before), np.float32))
    return _shares(np.concatenate(keys), np.concatenate(targets), np.concatenate(counts), most)


def _shares(
    keys: NDArray[np.uint64], targets: NDArray[np.int32], counts: NDArray[np.float32], most: int
) -> Continuations:
    """Add up what counts for one key and target, divide by all of the key, keep the heaviest."""
    order = np.lexsort((targets, keys))
    keys, targets, counts = keys[order], targets[order], counts[order]
    new_key = np.diff(keys, prepend=~keys[:1]) != 0
    new_pair = new_key | (np.diff(targets, prepend=0) != 0)
    sums = np.bincount(np.cumsum(new_pair) - 1, counts)
    keys, targets, of_key = keys[new_pair], targets[new_pair], np.cumsum(new_key)[new_pair] - 1
    shares = sums / (np.bincount(of_key, sums) + _SMOOTHING)[of_key]
    heavy = np.lexsort((targets, -shares, of_key))
    nth = np.arange(len(heavy)) - np.searchsorted(of_key[heavy], of_key[heavy])
    kept = np.sort(heavy[nth < most])
    return Continuations(keys[kept], targets[kept], shares[kept].astype(np.float32))
