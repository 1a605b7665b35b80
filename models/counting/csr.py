"""A sparse matrix by rows, in three arrays: what rankers that count look their numbers up in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Numbers = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Csr:
    """Row r has `values[starts[r]:starts[r + 1]]` in the columns beside them."""

    starts: Ints  # (R + 1,)
    columns: Ints  # (n,)
    values: Numbers  # (n,)

    @classmethod
    def of(cls, rows: Ints, columns: Ints, values: Numbers, n_rows: int) -> Csr:
        """Build from entries in any order; inside a row they keep it, and none are added up."""
        order = np.argsort(rows, kind="stable")
        starts = np.searchsorted(rows[order], np.arange(n_rows + 1))
        return cls(starts, columns[order], values[order])

    @classmethod
    def summed(cls, rows: Ints, columns: Ints, values: Floats, n_rows: int) -> Csr:
        """Build from entries in any order; those of one place are added up, columns then rise."""
        width = int(columns.max(initial=0)) + 1
        places, inverse = np.unique(rows * width + columns, return_inverse=True)
        found, within = np.divmod(places, width)
        sums = np.bincount(inverse, weights=values, minlength=len(places))
        return cls(np.searchsorted(found, np.arange(n_rows + 1)), within, sums)

    @property
    def rows(self) -> Ints:
        """Row of each entry, (n,)."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def entries(self, rows: Ints) -> tuple[Ints, Ints]:
        """Look rows up, (m,): for each entry of theirs, which of the m it is of, and its place.

        A row that is asked for twice is given twice.
        """
        sizes = self.starts[rows + 1] - self.starts[rows]
        which = np.repeat(np.arange(len(rows)), sizes)
        before = np.cumsum(sizes) - sizes
        return which, np.repeat(self.starts[rows] - before, sizes) + np.arange(len(which))


def dense(rows: Ints, columns: Ints, values: Floats, shape: tuple[int, int]) -> Floats:
    """Add entries up in a matrix of this shape."""
    flat = rows * shape[1] + columns
    found: Numbers = np.bincount(flat, weights=values, minlength=shape[0] * shape[1])
    return found.reshape(shape)
