"""Simulated listeners: the demo's data where no data set is given. Nothing here is real listening.

A session starts in a mood, picks an album, a playlist or a radio that suits it and walks on: album
and playlist order make the next track learnable from the last one, and which of them is playing
shows only in what came before, so a longer memory helps. Skips come from a misfit of mood and track
and from the place in the session. Over time tracks appear, playlists turn over and moods shift.
With a `pushed_share` some plays are not the listener's choice: of those, what is skipped tells the
taste, and nothing else does.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import polars as pl

from .canonical import SCHEMA
from .listeners import Listeners
from .music_world import World, make_world

START = datetime(2026, 1, 1, tzinfo=UTC)  # a fixed date: the same seed gives the same bytes


def simulate(p: Listeners, rng: np.random.Generator) -> pl.DataFrame:
    """Simulate the canonical frame, with duration_ms and ms_played (milliseconds) as extras."""
    world = make_world(p, rng)
    lengths = rng.integers(p.min_length, p.max_length + 1, p.sessions)
    starts = np.sort(rng.random(p.sessions))
    draw = _uniforms(rng)
    tracks: list[int] = []
    outcomes: list[int] = []
    contexts: list[str] = []
    for length, start in zip(lengths.tolist(), starts.tolist(), strict=True):
        walk = _Walk(world, p, int(start * p.epochs), draw)
        for position in range(length):
            track, outcome, context = walk.step(position)
            tracks.append(track)
            outcomes.append(outcome)
            contexts.append(context)
    return _frame(p, world, lengths, starts, np.array(tracks), np.array(outcomes), contexts, rng)


class _Walk:
    """One session under way."""

    def __init__(self, world: World, p: Listeners, epoch: int, draw: Callable[[], float]) -> None:
        self.world, self.p, self.epoch, self.draw = world, p, epoch, draw
        self.mood = bisect_right(world.mood_odds[epoch], draw()) % p.moods
        self.heard: list[int] = []
        self.queue: list[int] = []  # what is coming, the next at the end
        self.radio = False
        self.context = ""
        self.last = -1

    def step(self, position: int) -> tuple[int, int, str]:
        """Play one track: track, outcome, context."""
        p, draw = self.p, self.draw
        if draw() < p.mood_drift:
            self.mood = bisect_right(self.world.mood_odds[self.epoch], draw()) % p.moods
            self.queue = []
            self.radio = False
        pushed = bool(p.pushed_share) and draw() < p.pushed_share
        track = self.world.pushed[int(draw() * len(self.world.pushed))] if pushed else self._next()
        odds = p.skip_base + p.skip_misfit * self.world.mismatch[self.mood][track]
        chance = 1.0 / (1.0 + math.exp(-odds - p.skip_late * position / 20.0))
        roll = draw()
        # The lower the roll under the chance, the sooner the skip: misfits are left at once.
        outcome = (
            1 if roll >= chance else 4 if roll < 0.6 * chance else 3 if roll < 0.8 * chance else 2
        )
        if outcome == 1:
            self.heard.append(track)
        if draw() < (p.leave_after_skip if outcome >= 3 else p.leave):
            self.queue, self.radio = [], False
        if pushed:  # what was chosen goes on after it
            return track, outcome, "charts"
        self.last = track
        return track, outcome, self.context

    def _next(self) -> int:
        p, draw, world = self.p, self.draw, self.world
        if self.heard and draw() < p.repeat:
            again = self.heard[int(draw() * len(self.heard))]
            if again != self.last:
                return again
        if self.radio:
            near = [t for t in world.neighbours[self.last] if world.released[self.epoch][t]]
            if near:
                return near[int(draw() ** 2 * len(near))]  # squared: the nearest are the likeliest
        if not self.queue:
            self._pick()
        if len(self.queue) > 1 and draw() < p.jump:
            self.queue.pop()
        return self.queue.pop()

    def _pick(self) -> None:
        """Choose what to listen to now."""
        p, draw, world = self.p, self.draw, self.world
        kind = draw() - p.album_share
        self.radio = False
        if kind < 0:
            odds = world.album_odds[self.epoch][self.mood]
            tracks = world.albums[min(bisect_right(odds, draw()), len(odds) - 1)]
            start = 0 if draw() < 0.5 else int(draw() * len(tracks))
            self.queue, self.context = tracks[start:][::-1], "catalog"
            return
        odds = world.playlist_odds[self.mood]
        tracks = world.playlists[self.epoch][min(bisect_right(odds, draw()), len(odds) - 1)]
        start = int(draw() * draw() * len(tracks))  # people start near the top
        if kind < p.shuffle_share:
            shuffled = sorted((draw(), track) for track in tracks)
            self.queue, self.context = [track for _, track in shuffled], "user_collection"
        elif kind < p.shuffle_share + p.radio_share:
            self.queue, self.radio, self.context = [tracks[start]], True, "radio"
        else:
            self.queue, self.context = tracks[start:][::-1], "editorial_playlist"


def _uniforms(rng: np.random.Generator, block: int = 1 << 16) -> Callable[[], float]:
    """Numbers in [0, 1) one at a time, drawn from the generator by the block: ten times as fast."""
    numbers: list[float] = []

    def draw() -> float:
        if not numbers:
            numbers.extend(rng.random(block).tolist())
        return numbers.pop()

    return draw


def _frame(
    p: Listeners,
    world: World,
    lengths: np.ndarray,
    starts: np.ndarray,
    tracks: np.ndarray,
    outcomes: np.ndarray,
    contexts: list[str],
    rng: np.random.Generator,
) -> pl.DataFrame:
    duration = world.durations_ms[tracks]
    low = np.array([0.0, 1.0, 0.5, 0.1, 0.0])[outcomes]  # limits of the skip strengths, as shares
    high = np.array([0.0, 1.0, 0.95, 0.5, 0.1])[outcomes]
    played = np.floor((low + (high - low) * rng.random(len(tracks))) * duration)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    first = np.repeat(np.cumsum(lengths) - lengths, lengths)
    before = np.cumsum(played) - played
    elapsed = before - before[first]  # ms since the session's start
    began = START.timestamp() * 1000 + starts[owner] * p.days * 86_400_000 + elapsed
    digits = len(str(p.tracks))
    names = np.array([f"sim-track-{i + 1:0{digits}d}" for i in range(p.tracks)])
    return pl.DataFrame(
        {
            "session_id": [f"sim-{i + 1:07d}" for i in owner.tolist()],
            "position": (np.arange(len(tracks)) - first).astype(np.int32),
            "track_id": names[tracks],
            "outcome": outcomes.astype(np.int8),
            "occurred_at": pl.Series(began.astype(np.int64)).cast(SCHEMA["occurred_at"]),
            "context_type": contexts,
            "duration_ms": duration.astype(np.int64),
            "ms_played": played.astype(np.int64),
        }
    )
