"""Data named on the command line, and what a summary says of it."""

from __future__ import annotations

import msgspec
import pytest

from models.data.canonical import to_frame, write_frame
from models.data.listeners import Listeners
from models.data.sources import open_source, parse_listeners
from models.data.summary import summarise
from models.sessions import packed

from .logs import rows, write_log

SMALL = packed(
    [
        ("a", [("x", 1), ("y", 4), ("x", 1)]),
        ("b", [("x", 2)]),
        ("c", [("x", 0), ("y", 3), ("x", 1)]),
    ]
)


@pytest.fixture
def dataset(tmp_path):
    out = tmp_path / "small"
    write_frame(
        to_frame(SMALL), out, name="small", simulated=True, source="made", created_by="test"
    )
    return out


def test_a_canonical_directory_keeps_its_name_and_its_label(dataset):
    source = open_source(f"parquet:{dataset}")
    assert (source.name, source.simulated) == ("small", True)
    assert source.load().same_as(SMALL)


def test_raw_logs_are_read_by_path(tmp_path):
    log = write_log(tmp_path / "log.csv", rows([("s", [("x", 1), ("y", 4)])]))
    source = open_source(f"mssd:{log}")
    assert (source.name, source.simulated) == ("mssd", False)
    assert list(source.listenings()) == [("s", [("x", 1, None, None), ("y", 4, None, None)])]


def test_simulated_data_is_labelled_and_takes_parameters():
    source = open_source("simulated:sessions=20,seed=3,repeat=0.5")
    assert source.simulated
    sessions = source.load()
    assert len(sessions) == 20
    assert source.load().same_as(sessions)
    session_id, played = next(iter(source.listenings()))
    assert session_id == sessions.session_ids[0]
    assert len(played) == sessions.lengths[0]
    assert all(played_ms and length for _, _, length, played_ms in played)


def test_parameters_are_read_with_their_types():
    assert parse_listeners("sessions=20,repeat=.5,seed=3") == (
        Listeners(sessions=20, repeat=0.5),
        3,
    )
    assert parse_listeners("") == (Listeners(), 0)


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("spotify:/x", "unknown data"),
        ("mssd", "unknown data"),
        ("mssd-mini:/nowhere", "no such path"),
        ("parquet:.", "is not a data set"),
        ("simulated:colour=3", "unknown simulator parameter 'colour'"),
        ("simulated:sessions=many", "sessions must be int"),
        ("simulated:sessions", "sessions must be int"),
    ],
)
def test_a_spec_that_names_nothing_says_what_is_wrong(spec, complaint):
    with pytest.raises(ValueError, match=complaint):
        open_source(spec)


def test_a_summary_counts_what_is_there(dataset):
    assert msgspec.structs.asdict(summarise(open_source(f"parquet:{dataset}"))) == {
        "name": "small",
        "simulated": True,
        "source": f"parquet:{dataset}",
        "rows": 7,
        "sessions": 3,
        "tracks": 2,
        "duplicates": 1,
        "shortest": 1,
        "median": 3.0,
        "longest": 3,
        "outcomes": {
            "unknown": 0.1429,
            "heard": 0.4286,
            "skipped_late": 0.1429,
            "skipped_early": 0.1429,
            "skipped_at_once": 0.1429,
        },
        "repeats": 0.5,
    }
