"""MSSD's raw logs: outcomes, order, block borders, and complaints with their line."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.data.canonical import SCHEMA, to_sessions
from models.data.csv_blocks import Faults
from models.data.mssd import EXTRAS, Tally, batches, read
from tests.strategies import plays

from .logs import HEADER, row, rows, write_log

TWO = [("s1", [("x", 1), ("y", 4)]), ("s2", [("z", 3), ("x", 2)])]


def read_in_blocks(path: Path, block_bytes: int, faults: Faults | None = None) -> pl.DataFrame:
    return pl.concat(batches(path, faults or Faults(), Tally(), block_bytes=block_bytes))


def test_a_log_becomes_canonical_rows(tmp_path):
    frame = read(write_log(tmp_path / "log_0.csv", rows(TWO)))
    assert dict(frame.schema) == {**SCHEMA, **EXTRAS}
    assert frame.row(3, named=True) == {
        "session_id": "s2",
        "position": 1,
        "track_id": "x",
        "outcome": 2,
        "occurred_at": datetime(2018, 7, 15, 16, tzinfo=UTC),
        "context_type": "editorial_playlist",
        "reason_start": "trackdone",
        "reason_end": "fwdbtn",
        "shuffle": True,
    }


@pytest.mark.parametrize(
    ("flags", "outcome"),
    [
        ("True,True,True,False", 4),
        ("false,true,true,false", 3),
        ("false,false,true,false", 2),
        ("false,false,false,false", 1),  # beyond the last skip limit, short of the very end
        ("0,0,0,1", 1),
        ("true,true,true,true", 0),  # contradicts itself
    ],
)
def test_the_outcome_is_the_first_flag_that_is_set(tmp_path, flags, outcome):
    line = row("s", 1, 1, "x").replace("false,false,false,true", flags)
    assert read(write_log(tmp_path / "log.csv", [line]))["outcome"].to_list() == [outcome]


def test_session_position_decides_the_order_and_positions_count_from_0(tmp_path):
    lines = [row("s", 7, 20, "late"), row("s", 2, 20, "early")]
    frame = read(write_log(tmp_path / "log.csv", lines))
    assert frame.select("track_id", "position").rows() == [("early", 0), ("late", 1)]


def test_sessions_with_fewer_rows_than_their_length_are_counted_as_pieces(tmp_path):
    tally = Tally()
    log = write_log(tmp_path / "log.csv", [*rows(TWO), row("s3", 2, 20, "x")])
    assert sum(frame.height for frame in batches(log, Faults(), tally)) == 5
    assert tally == Tally(rows=5, sessions=3, pieces=1)


def test_a_directory_of_plain_and_compressed_files_is_one_data_set(tmp_path):
    lines = rows(TWO)
    (tmp_path / "deep").mkdir()
    write_log(tmp_path / "deep" / "log_0.csv", lines[:3])
    with gzip.open(tmp_path / "log_1.csv.gz", "wt") as file:
        file.write("\r\n".join([HEADER, *lines[3:]]))  # no newline at the end, Windows ends
    (tmp_path / "tf_000.csv").write_text("track_id\n")
    whole = read(write_log(tmp_path / "deep" / "log_0.csv", lines[:3]).parent.parent)
    assert whole["session_id"].to_list() == ["s1", "s1", "s2", "s2"]
    assert whole["track_id"].to_list() == ["x", "y", "z", "x"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(plays(), min_size=1, max_size=5), st.integers(1, 900))
def test_any_block_size_reads_as_one_block_does(tmp_path, drawn, block_bytes):
    known = [(f"s{i}", [(t, o or 1) for t, o in session]) for i, session in enumerate(drawn)]
    log = write_log(tmp_path / "log.csv", rows(known))
    frame = read_in_blocks(log, block_bytes)
    assert frame.equals(read(log))
    packed = to_sessions(frame)
    assert [packed.occurrences(i) for i in range(len(packed))] == [s for _, s in known]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("", "expected 21 fields, found 1"),
        (row("s", 1, 1, "x") + ",more", "expected 21 fields, found 22"),
        (row("s", 1, 1, "x")[:60], "fields, found"),
        (row("s", 1, 1, "x").replace("true,16", "perhaps,16"), "hist_user_behavior_is_shuffle"),
        (row("s", 1, 1, ""), "track_id"),
        (row("s", 1, 1, "x").replace("2018-07-15", "2018-17-15"), "occurred_at"),
        (row("s", 1, 1, "x").replace(",16,", ",24,"), "occurred_at"),
        (row("s", 1, 1, "x").replace("s,1,1", "s,first,1"), "session_position"),
        (row('"s"', 1, 1, "x"), "quoted"),
    ],
)
@pytest.mark.parametrize("block_bytes", [200, 1 << 20])
def test_a_malformed_row_is_named_by_file_and_line_or_skipped(
    tmp_path, line, complaint, block_bytes
):
    good = rows(TWO)
    log = write_log(tmp_path / "log.csv", [*good[:2], line, *good[2:]])
    with pytest.raises(ValueError, match=rf"log\.csv, line 4: .*{complaint}"):
        read_in_blocks(log, block_bytes)
    faults = Faults(skip=True)
    frame = read_in_blocks(log, block_bytes, faults)
    assert faults.count == 1
    assert frame.equals(read(write_log(tmp_path / "good.csv", good)))


def test_bytes_that_are_not_utf_8_are_named_by_line(tmp_path):
    log = tmp_path / "log.csv"
    log.write_bytes(f"{HEADER}\n{row('s', 1, 1, 'x')}\n".encode().replace(b",x,", b",\xff,"))
    with pytest.raises(ValueError, match="line 2: not UTF-8"):
        read(log)


def test_rows_of_a_session_that_do_not_stand_together_are_refused(tmp_path):
    lines = [row("s1", 1, 2, "x"), row("s2", 1, 1, "x"), row("s1", 2, 2, "y"), row("s3", 1, 1, "x")]
    with pytest.raises(ValueError, match="session s1 do not stand together"):
        read(write_log(tmp_path / "log.csv", lines))


def test_a_missing_column_is_named(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text(HEADER.replace("skip_2,", "") + "\n")
    with pytest.raises(ValueError, match="no column skip_2 "):
        read(log)


def test_a_directory_without_logs_is_refused(tmp_path):
    with pytest.raises(ValueError, match="session logs at"):
        read(tmp_path)


@pytest.mark.data
def test_the_published_rows_read(data_dir):
    frame = read(data_dir / "mssd-rows")
    sessions = to_sessions(frame)
    assert (frame.height, len(sessions), sessions.n_items) == (1180, 169, 917)
    assert len(sessions.deduplicated()) == 167
    assert np.bincount(sessions.outcomes).tolist() == [0, 415, 186, 152, 427]
