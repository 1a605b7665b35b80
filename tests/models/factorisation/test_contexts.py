"""Contexts: what is known before a track begins, from rows of sessions."""

from datetime import UTC, datetime

import polars as pl
import pytest

from models.factorisation.contexts import column

FRAME = pl.DataFrame(
    {
        "session_id": ["a"] * 4 + ["b"] * 2,
        "position": [0, 1, 2, 3, 0, 1],
        "track_id": ["x", "y", "x", "z", "x", "y"],
        "outcome": [4, 1, 2, 0, 3, 1],
        "occurred_at": [datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in (5, 5, 6, 23, 0, 1)],
    }
)
ITEMS = pl.Series([1, 2, 1, 3, 1, 2]).to_numpy()


@pytest.mark.parametrize(
    ("name", "ids", "size"),
    [
        ("previous", [0, 1, 2, 1, 0, 1], 4),
        ("previous-2", [0, 0, 1, 2, 0, 0], 4),
        ("previous-3", [0, 0, 0, 1, 0, 0], 4),
        ("skip", [0, 4, 1, 2, 0, 3], 5),
        ("repeated", [0, 0, 0, 1, 0, 0], 2),
        ("hour", [5, 5, 6, 23, 0, 1], 24),
    ],
)
def test_a_context_knows_the_same_session_and_nothing_of_the_row_itself(name, ids, size):
    found = column(name, FRAME, ITEMS, 3)
    assert (found.ids.tolist(), found.size) == (ids, size)


def test_an_unknown_context_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="unknown context 'mood', expected some of previous"):
        column("mood", FRAME, ITEMS, 3)


def test_hours_need_a_clock():
    dateless = FRAME.with_columns(occurred_at=pl.lit(None, FRAME.schema["occurred_at"]))
    with pytest.raises(ValueError, match="hour needs times"):
        column("hour", dateless, ITEMS, 3)
