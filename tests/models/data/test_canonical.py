"""The canonical data set: what is written is what is read, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings

from models.data.canonical import (
    SCHEMA,
    DatasetInfo,
    read_info,
    replacing,
    scan,
    to_frame,
    to_sessions,
    without_repeats,
    write_frame,
)
from models.sessions import packed
from tests.strategies import sessions

SMALL = packed([("a", [("x", 1), ("y", 4)]), ("b", [("x", 2), ("y", 1)]), ("c", [("y", 3)])])


def write(out: Path, frame: pl.DataFrame | None = None) -> DatasetInfo:
    return write_frame(
        to_frame(SMALL) if frame is None else frame,
        out,
        name="small",
        simulated=True,
        source="made",
        created_by="test",
        notes={"why": "a test"},
    )


@settings(deadline=None)
@given(sessions(min_size=1))
def test_sessions_become_rows_and_sessions_again(these):
    frame = to_frame(these)
    assert dict(frame.schema) == SCHEMA
    assert to_sessions(frame).same_as(these)


def test_a_data_set_is_read_as_it_was_written(tmp_path):
    info = write(tmp_path / "new" / "out")
    assert (info.rows, info.sessions, info.tracks, info.simulated) == (5, 3, 2, True)
    assert read_info(tmp_path / "new" / "out") == info
    assert to_sessions(scan(tmp_path / "new" / "out").collect()).same_as(SMALL)


def test_an_older_data_set_is_replaced(tmp_path):
    write(tmp_path / "out")
    write(tmp_path / "out", to_frame(SMALL.select([0])))
    assert read_info(tmp_path / "out").sessions == 1
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_directory_that_is_something_else_is_not_touched(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"meow")
    (tmp_path / "file").write_text("text")
    for name in ("photos", "file"):
        with pytest.raises(ValueError, match="is not a data set"):
            write(tmp_path / name)
    assert (tmp_path / "photos" / "cat.jpg").exists()


def test_an_error_while_writing_leaves_nothing_behind(tmp_path):
    def interrupted() -> None:
        with replacing(tmp_path / "out") as fresh:
            (fresh / "half").write_text("done")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_repeated_sequences_leave_the_frame(tmp_path):
    frame, dropped = without_repeats(to_frame(SMALL))
    assert dropped == 1
    assert frame["session_id"].unique(maintain_order=True).to_list() == ["a", "c"]


def test_reading_what_is_no_data_set_says_how_to_make_one(tmp_path):
    with pytest.raises(ValueError, match="segue data import"):
        read_info(tmp_path)
    write(tmp_path / "out")
    (tmp_path / "out" / "dataset.json").write_text('{"name": 1}')
    with pytest.raises(ValueError, match="cannot be read"):
        read_info(tmp_path / "out")
