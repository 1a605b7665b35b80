"""A dense subset: long sessions whose tracks others have too, found in two passes."""

import polars as pl
import pytest

from models.data.canonical import SCHEMA, read_info, to_frame
from models.data.mssd_subset import densest, write_subset
from models.data.sources import open_source
from models.sessions import packed

from .logs import rows, write_log

PLAYS = [
    ("rare", [(f"r{i}", 1) for i in range(5)]),
    ("short", [("a", 1), ("b", 1)]),
    ("dense", [(track, 1) for track in "abcab"]),
    ("again", [(track, 4) for track in "abcab"]),  # the same tracks: the same session twice
    ("mixed", [("a", 1), ("b", 1), ("c", 2), ("m", 1)]),
]


def batches_of(size: int):
    """The sessions in batches of so many."""
    parts = [PLAYS[i : i + size] for i in range(0, len(PLAYS), size)]
    return lambda: (to_frame(packed(part)) for part in parts)


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize(
    ("sessions", "names"),
    [(1, ["dense"]), (2, ["dense", "mixed"]), (9, ["rare", "dense", "mixed"])],
)
def test_the_densest_long_sessions_stay_in_their_order_however_they_come(size, sessions, names):
    chosen = densest(batches_of(size), sessions, shortest=3)
    assert chosen["session_id"].unique(maintain_order=True).to_list() == names
    assert chosen.columns == list(SCHEMA)
    dense = chosen.filter(pl.col("session_id") == "dense")
    assert dense["track_id"].to_list() == list("abcab")


def test_nothing_long_enough_says_so():
    with pytest.raises(ValueError, match="no session has 9 plays or more"):
        densest(batches_of(5), 1, shortest=9)


def test_a_subset_is_a_data_set_that_says_how_dense_it_is(tmp_path):
    log = write_log(tmp_path / "log.csv", rows(PLAYS))
    out = tmp_path / "out"
    info = write_subset(log, out, sessions=2, shortest=3, created_by="test", block_bytes=200)
    assert read_info(out) == info
    assert (info.sessions, info.rows, info.tracks) == (2, 9, 4)
    assert info.notes == {
        "sessions_read": 5,
        "rows_read": 21,
        "shortest": 3,
        "plays_of_a_track": 2.25,
        "tracks_in_several_sessions": 3,
    }
    assert open_source(f"parquet:{out}").load().session_ids == ("dense", "mixed")


def test_a_subset_of_nothing_is_refused(tmp_path):
    with pytest.raises(ValueError, match="must be 1 or more, got 0 and 3"):
        write_subset(tmp_path, tmp_path / "out", sessions=0, shortest=3, created_by="test")


@pytest.mark.data
def test_raw_rows_are_read(data_dir, tmp_path):
    info = write_subset(
        data_dir / "mssd-rows", tmp_path / "out", sessions=20, shortest=8, created_by="test"
    )
    assert info.sessions == 20
    assert info.notes["sessions_read"] == 169
