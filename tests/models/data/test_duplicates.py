"""Duplicates on disk are exactly those that packed sessions find in memory."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from models.data.canonical import to_frame
from models.data.duplicates import Sequences
from models.sessions import packed
from tests.strategies import sessions


@settings(deadline=None)
@given(sessions(min_size=1), st.lists(st.integers(0, 12), max_size=3))
def test_the_disk_finds_what_memory_finds_however_the_sessions_arrive(these, cuts):
    ends = sorted({0, len(these), *(min(cut, len(these)) for cut in cuts)})
    with tempfile.TemporaryDirectory() as directory:
        sequences = Sequences(Path(directory))
        for start, end in pairwise(ends):
            sequences.add(to_frame(these.select(range(start, end))))
        repeated = sequences.repeated()
    assert these.select(~repeated).same_as(these.deduplicated())


def test_a_sequence_and_its_reverse_or_its_beginning_are_different(tmp_path):
    different = packed(
        [
            ("s0", [("x", 1), ("y", 1)]),
            ("s1", [("y", 1), ("x", 1)]),
            ("s2", [("x", 1)]),
            ("s3", [("x", 1), ("x", 1)]),
        ]
    )
    sequences = Sequences(tmp_path)
    sequences.add(to_frame(different))
    assert not sequences.repeated().any()
