"""Sessions that repeat another one's sequence of tracks, found on disk and not in memory.

Each session becomes a 16-byte digest and its ordinal, filed by the digest's first bits: equal
sequences meet in one file, and one file at a time is read back. At MSSD's 160 million sessions that
is 3.8 GB of scratch disk, 60 MB in memory for a file and 160 MB for the answer. Outcomes do not
count: the same tracks in the same order are the same session twice.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

_FILES = 64
_RECORD = np.dtype([("high", "<u8"), ("low", "<u8"), ("ordinal", "<u8")])
_LIMIT = 1 << 16  # positions with a factor of their own; sessions are never this long


class Sequences:
    """Collects sessions in order and then says which of them came before in the same form."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._paths = [directory / f"digests-{i:02d}.bin" for i in range(_FILES)]
        rng = np.random.default_rng(0xD16E57)
        self._factors = rng.integers(0, 2**64, (2, _LIMIT), dtype=np.uint64) | np.uint64(1)
        self.seen = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Note the sessions of a canonical frame; each must be whole."""
        lengths = frame["session_id"].rle().struct.field("len").to_numpy().astype(np.int64)
        if not len(lengths):
            return
        starts = np.cumsum(lengths) - lengths
        records = np.empty(len(lengths), dtype=_RECORD)
        position = np.minimum(np.arange(frame.height) - np.repeat(starts, lengths), _LIMIT - 1)
        for part, (name, factors) in enumerate(zip(("high", "low"), self._factors, strict=True)):
            codes = _mixed(frame["track_id"].hash(seed=part + 1).to_numpy())
            records[name] = _mixed(np.add.reduceat(codes * factors[position], starts))
        records["ordinal"] = np.arange(self.seen, self.seen + len(lengths))
        self.seen += len(lengths)
        drawer = (records["high"] >> np.uint64(58)).astype(np.int64)
        for i in np.unique(drawer).tolist():
            with self._paths[i].open("ab") as file:
                file.write(records[drawer == i].tobytes())

    def repeated(self) -> NDArray[np.bool_]:
        """True for each session, in the order added, whose sequence had been added before."""
        answer = np.zeros(self.seen, dtype=np.bool_)
        for path in filter(Path.exists, self._paths):
            records = np.fromfile(path, dtype=_RECORD)
            # Ordinals rise inside a file and the sort is stable: the first of its kind stays first.
            records = records[np.lexsort((records["low"], records["high"]))]
            same = (records["high"][1:] == records["high"][:-1]) & (
                records["low"][1:] == records["low"][:-1]
            )
            answer[records["ordinal"][1:][same]] = True
        return answer


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser: every bit of the answer depends on every bit of the input."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = x ^ (x >> np.uint64(31))
    return mixed
