"""Simulated listeners: reproducible, shaped as their parameters say, learnable, and changing."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.data.canonical import SCHEMA, to_sessions
from models.data.listeners import Listeners
from models.data.simulated import simulate
from models.sessions import Sessions, split_by_session

DEFAULT = Listeners(sessions=3000)


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    return simulate(DEFAULT, np.random.default_rng(0))


@pytest.fixture(scope="module")
def sessions(frame: pl.DataFrame) -> Sessions:
    return to_sessions(frame)


def small(seed: int = 0, **parameters: float) -> pl.DataFrame:
    given = {"sessions": 200, "tracks": 300, **parameters}
    return simulate(Listeners(**given), np.random.default_rng(seed))  # type: ignore[arg-type]


def skip_share(frame: pl.DataFrame) -> float:
    return float((frame["outcome"] >= 2).to_numpy().mean())


def test_the_same_seed_gives_the_same_rows_and_another_seed_others():
    assert small(1).equals(small(1))
    assert not small(1).equals(small(2))


def test_the_rows_are_canonical_in_order_and_say_that_they_are_simulated(frame):
    assert dict(frame.schema) == {**SCHEMA, "duration_ms": pl.Int64(), "ms_played": pl.Int64()}
    assert frame["session_id"].str.starts_with("sim-").all()
    first = frame.filter(pl.col("position") == 0)
    assert first["occurred_at"].is_sorted()
    gaps = frame.select(pl.col("occurred_at").diff().over("session_id")).to_series().drop_nulls()
    assert (gaps.dt.total_milliseconds() >= 0).all()


def test_lengths_lie_between_the_bounds(sessions):
    assert len(sessions) == 3000
    assert (sessions.lengths.min(), sessions.lengths.max()) == (10, 20)


def test_what_was_played_agrees_with_the_outcome(frame):
    share = frame["ms_played"].to_numpy() / frame["duration_ms"].to_numpy()
    outcome = frame["outcome"].to_numpy()
    assert set(outcome) == {1, 2, 3, 4}
    for code, low, high in ((1, 1.0, 1.0), (2, 0.49, 0.95), (3, 0.09, 0.5), (4, 0.0, 0.1)):
        assert low <= share[outcome == code].min()
        assert share[outcome == code].max() <= high


def test_skips_follow_misfit_and_place_in_the_session():
    def late_share(frame: pl.DataFrame) -> float:
        return skip_share(frame.filter(pl.col("position") >= 8))

    calm = small(skip_misfit=0.0, skip_late=0.0)
    assert skip_share(calm) < skip_share(small(skip_misfit=8.0, skip_late=0.0)) - 0.2
    assert late_share(calm) < late_share(small(skip_misfit=0.0, skip_late=4.0)) - 0.2


def test_pushed_tracks_come_to_everyone_and_are_skipped_more_than_what_was_chosen():
    frame = small(sessions=600, pushed_share=0.3, pushed_tracks=10)
    pushed = frame["context_type"] == "charts"
    assert 0.25 < pushed.mean() < 0.35  # type: ignore[operator]
    assert frame.filter(pushed)["track_id"].n_unique() == 10
    assert skip_share(frame.filter(pushed)) > skip_share(frame.filter(~pushed)) + 0.1
    assert "charts" not in small()["context_type"]


def test_new_tracks_appear_over_time_and_none_does_without_a_share_of_new_ones():
    def unseen(frame: pl.DataFrame) -> float:
        half = frame.height // 2
        seen = frame["track_id"][:half].unique()
        return 1.0 - float(frame["track_id"][half:].is_in(seen.implode()).to_numpy().mean())

    moving = small(sessions=1500, new_share=0.4)
    still = small(sessions=1500, new_share=0.0, playlist_refresh=0.0, trend=0.0)
    assert unseen(moving) > unseen(still) + 0.05


def test_the_next_track_is_learnable_from_the_last_and_popularity_is_not_enough(sessions):
    """Popularity finds about a tenth, a bigram chain about half: as in real listening."""
    train, _, test = split_by_session(sessions, 0)
    chain = np.zeros((sessions.n_items + 1, sessions.n_items + 1))
    current, following = pairs(train)
    np.add.at(chain, (current, following), 1.0)
    popularity = train.counts() / train.counts().sum()
    current, following = pairs(test)

    def hit_rate(scores: np.ndarray) -> float:
        target = scores[np.arange(len(following)), following]
        return float(((scores >= target[:, None]).sum(axis=1) <= 10).mean())

    popular = hit_rate(np.tile(popularity, (len(current), 1)))
    markov = hit_rate(chain[current] + popularity)
    assert 0.04 < popular < 0.2
    assert 0.4 < markov < 0.65


def pairs(sessions: Sessions) -> tuple[np.ndarray, np.ndarray]:
    inside = np.ones(len(sessions.items), dtype=bool)
    inside[sessions.offsets[1:] - 1] = False
    return sessions.items[:-1][inside[:-1]], sessions.items[1:][inside[:-1]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"sessions": 0},
        {"tracks": 50},
        {"min_length": 12, "max_length": 11},
        {"repeat": 1.5},
        {"pushed_share": -0.1},
        {"pushed_tracks": 0},
        {"album_share": 0.8, "shuffle_share": 0.3},
    ],
)
def test_parameters_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="|".join(wrong)):
        Listeners(**wrong)


def test_every_parameter_stands_in_the_documentation_with_its_default():
    text = (Path(__file__).parents[3] / "docs" / "data.md").read_text()
    for field in fields(Listeners):
        assert f"| `{field.name}` | {field.default} |" in text
