"""Sparse rows give back what was put in."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.counting.csr import Csr, dense

ENTRIES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5), st.integers(1, 9)), max_size=20)


def columns(entries: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found = np.array(entries, dtype=np.int64).reshape(-1, 3)
    return found[:, 0], found[:, 1], found[:, 2].astype(np.float64)


@given(ENTRIES, st.lists(st.integers(0, 4), max_size=6))
def test_rows_that_are_looked_up_add_up_to_those_of_the_matrix(entries, asked):
    rows, places, values = columns(entries)
    whole = np.zeros((5, 6))
    np.add.at(whole, (rows, places), values)
    for table in (Csr.of(rows, places, values, 5), Csr.summed(rows, places, values, 5)):
        which, at = table.entries(np.array(asked, dtype=np.int64))
        found = dense(which, table.columns[at], table.values[at], (len(asked), 6))
        assert found.tolist() == [whole[row].tolist() for row in asked]


@given(ENTRIES)
def test_summed_entries_stand_once_and_in_order(entries):
    rows, places, values = columns(entries)
    table = Csr.summed(rows, places, values, 5)
    found = list(zip(table.rows.tolist(), table.columns.tolist(), strict=True))
    assert found == sorted({(row, place) for row, place, _ in entries})
