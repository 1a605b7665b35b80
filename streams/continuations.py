"""`continuations.parquet`: what followed exactly these tracks, as shares, for a second stage.

Of one track, so many steps later (each lag apart; lag 0 is near, either way), and of the newest
two, three and four in a row, which tell a playlist that is played in its order from tracks that
merely go together. How they are counted is in models/counting/ngrams.py.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .catalog import read_table

CONTINUATIONS = "continuations.parquet"
LAGS = 5  # steps back
RUNS = (2, 3, 4)  # tracks in a row
SHARES = LAGS + 1 + len(RUNS)  # of an item: after each lag, near, after each run
_REACH = max(LAGS, *RUNS)
_RUN = LAGS + 1  # seed of a run; those below are of the lags
_SCHEMA = {"key": pl.UInt64, "target": pl.Int32, "share": pl.Float32}

Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]


class Continued(NamedTuple):
    """What followed the newest tracks of some questions, in any order."""

    question: Ints  # (m,)
    kind: Ints  # (m,) below SHARES
    item: Ints  # (m,)
    share: NDArray[np.float32]  # (m,) those of one question, kind and item are to be added up


@dataclass(frozen=True, eq=False)
class Continuations:
    """Share of each target after a hashed lag or run; rows rise by key, then by target.

    A collision of two hashes could only give a track a share that is another's.

    Raises:
        ValueError: lengths differ, rows do not rise, an item below 1, a share not in (0, 1].
    """

    keys: Keys  # (n,)
    targets: NDArray[np.int32]  # (n,)
    shares: NDArray[np.float32]  # (n,)
    _distinct: Keys = field(init=False)
    _starts: Ints = field(init=False)

    def __post_init__(self) -> None:
        keys, targets, shares = self.keys, self.targets, self.shares
        if not len(keys) == len(targets) == len(shares):
            raise ValueError(
                f"continuations have {len(keys)} keys, {len(targets)} targets and {len(shares)} "
                "shares, expected the same number of each"
            )
        after = (keys[1:] > keys[:-1]) | ((keys[1:] == keys[:-1]) & (targets[1:] > targets[:-1]))
        if not after.all():
            raise ValueError("continuations do not rise by key and target, expected each pair once")
        if len(keys) and (targets.min() < 1 or keys[0] == 0):
            raise ValueError("continuations hold item or key 0, which is padding")
        if not ((shares > 0) & (shares <= 1)).all():
            raise ValueError("continuations hold a share that is not above 0 and at most 1")
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)])
        # One more that nothing follows, so that every search ends at a key.
        distinct = np.append(keys[first], np.uint64(2**64 - 1))
        object.__setattr__(self, "_distinct", distinct)
        object.__setattr__(self, "_starts", np.concatenate([first, [len(keys), len(keys)]]))

    @property
    def largest_item(self) -> int:
        """The largest item named, 0 when there is none."""
        return int(self.targets.max(initial=0))

    def after(self, items: Ints, lengths: Ints) -> Continued:
        """Give all that followed the newest tracks of sessions, (n, T) right-padded, (n,)."""
        columns = lengths[:, None] - np.arange(1, _REACH + 1)  # below 0 where there is no track
        newest = np.take_along_axis(items, np.maximum(columns, 0), axis=1) * (columns >= 0)
        sources = newest[:, :LAGS]
        back = np.arange(1, LAGS + 1)
        keys = np.concatenate(
            [
                lag_keys(back, sources),
                lag_keys(0 * back, sources),
                run_keys(newest[:, : max(RUNS)]),
            ],
            axis=1,
        )  # (n, 2 LAGS + len(RUNS))
        at = np.searchsorted(self._distinct, keys)
        starts = self._starts[at]
        there = (self._distinct[at] == keys) & (keys > 0)
        sizes = np.where(there, self._starts[at + 1] - starts, 0).ravel()
        which = np.repeat(np.arange(keys.size), sizes)
        rows = np.arange(len(which)) + np.repeat(starts.ravel() - np.cumsum(sizes) + sizes, sizes)
        question, column = np.divmod(which, keys.shape[1])
        return Continued(
            question, _KIND[column], self.targets[rows], self.shares[rows] * _WORTH[column]
        )

    def to_parquet(self) -> bytes:
        """Give the file."""
        columns = {"key": self.keys, "target": self.targets, "share": self.shares}
        file = io.BytesIO()
        pl.DataFrame(columns, schema=_SCHEMA).write_parquet(file, compression="zstd")
        return file.getvalue()

    @classmethod
    def from_parquet(cls, raw: bytes) -> Continuations:
        """Read the file; ValueError when it holds anything else."""
        frame = read_table(CONTINUATIONS, raw, _SCHEMA)
        return cls(*(frame[column].to_numpy() for column in _SCHEMA))


# Of the columns of keys in `after`: what each is of, and what it is worth there.
_KIND = np.array([*range(LAGS), *[LAGS] * LAGS, *range(_RUN, SHARES)])
_WORTH = np.array(
    [*[1.0] * LAGS, *(1 / back for back in range(1, LAGS + 1)), *[1.0] * len(RUNS)], np.float32
)


def lag_keys(lags: Ints, sources: NDArray[np.integer]) -> Keys:
    """Hash tracks by how many steps back they are, of one shape or broadcast; 0 for no track."""
    seeds = np.asarray(lags, np.uint64)
    keys = _mixed(_mixed(seeds + np.uint64(1)) ^ sources.astype(np.uint64))
    return np.where(sources > 0, keys, np.uint64(0))


def run_keys(newest: NDArray[np.integer]) -> Keys:
    """Hash the first two, three, … of tracks (n, m), newest first, (n, m - 1); 0 if one is not."""
    found, mixed = [], _mixed(np.full(len(newest), _RUN + 1, np.uint64))
    for track in newest.astype(np.uint64).T:
        mixed = _mixed(mixed ^ track)
        found.append(mixed)
    there = np.cumprod(newest > 0, axis=1).astype(np.uint64)
    keys: Keys = (np.stack(found, axis=1) * there)[:, 1:]
    return keys


def _mixed(keys: Keys) -> Keys:
    """Scatter 64 bits over 64 bits, as SplitMix64 ends (Steele et al., 2014, figure 17)."""
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))
