"""The music that simulated listeners play: albums, playlists that change, and what is like what.

Not a data set and not listening: `simulated.py` walks through it. Time is cut into epochs; in each,
a share of every playlist gives way to newer tracks, so a model trained on the first epochs ages.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .listeners import Listeners

Floats = NDArray[np.float64]
WIDTH = 8  # dimensions of taste
AFFINITY = 4.0  # how sharply a mood prefers what is like it: weight exp(AFFINITY * cosine)


@dataclass(frozen=True)
class World:
    """Everything a walk needs, as plain lists: it draws a few numbers for each step, not arrays."""

    durations_ms: Floats  # (N,)
    mismatch: list[list[float]]  # [mood][track], 0 for the best fit to 1 for the worst
    neighbours: list[list[int]]  # [track] -> the most alike, best first
    albums: list[list[int]]  # [album] -> tracks in order
    playlists: list[list[list[int]]]  # [epoch][playlist] -> tracks in order
    album_odds: list[list[list[float]]]  # [epoch][mood] -> cumulative weights over albums
    playlist_odds: list[list[float]]  # [mood] -> cumulative weights over playlists
    mood_odds: list[list[float]]  # [epoch] -> cumulative weights over moods
    released: list[list[bool]]  # [epoch][track]
    pushed: list[int]  # tracks that are played to everyone


def make_world(p: Listeners, rng: np.random.Generator) -> World:
    """Draw a world of `p.tracks` tracks."""
    moods = _unit(rng.normal(size=(p.moods, WIDTH)))
    album_of, artist_of = _albums(p, rng)
    n_artists = int(artist_of.max()) + 1
    home = rng.choice(p.moods, n_artists)  # an artist's genre is the mood it was born into
    artist = _unit(moods[home] + 0.35 * rng.normal(size=(n_artists, WIDTH)))
    track = _unit(artist[artist_of[album_of]] + 0.15 * rng.normal(size=(p.tracks, WIDTH)))
    affinity = moods @ track.T  # (M, N), cosines

    fame = (1.0 + rng.permutation(n_artists)) ** -p.popularity_exponent
    popularity = fame[artist_of[album_of]] * rng.lognormal(sigma=1.0, size=p.tracks)
    n_albums = len(artist_of)
    is_new = rng.random(n_albums) < p.new_share
    release = np.where(is_new, rng.random(n_albums), 0.0)[album_of]  # (N,), share of the time gone

    weights = np.exp(AFFINITY * affinity) * popularity  # (M, N)
    epochs = range(p.epochs)
    fresh = [_freshness(release, epoch / p.epochs, p) for epoch in epochs]  # 0 before release
    before, after = rng.normal(scale=p.trend, size=(2, p.moods))
    leading = rng.choice(p.moods, p.playlists)
    playlist_fame = rng.permutation((1.0 + np.arange(p.playlists)) ** -p.popularity_exponent)
    return World(
        durations_ms=np.round(rng.lognormal(np.log(p.median_duration_s), 0.25, p.tracks) * 1000),
        mismatch=((1.0 - affinity) / 2.0).tolist(),
        neighbours=_neighbours(track, popularity, p.radio_width),
        albums=[np.flatnonzero(album_of == a).tolist() for a in range(n_albums)],
        playlists=_playlists(p, weights[leading], fresh, rng),
        album_odds=[
            [
                _cumulative(np.bincount(album_of, weights=w * fresh[epoch], minlength=n_albums))
                for w in weights
            ]
            for epoch in epochs
        ],
        playlist_odds=[
            _cumulative(playlist_fame * np.exp(AFFINITY * (moods[leading] @ mood)))
            for mood in moods
        ],
        mood_odds=[
            _cumulative(np.exp(before + (after - before) * (e + 0.5) / p.epochs)) for e in epochs
        ],
        released=[(f > 0).tolist() for f in fresh],
        pushed=_drawn(fresh[0], p.pushed_tracks, rng) if p.pushed_share else [],
    )


def _albums(p: Listeners, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Album of each track (N,) and artist of each album; an artist has three albums on average."""
    sizes = rng.integers(8, 15, size=p.tracks // 8 + 1)
    album_of = np.repeat(np.arange(len(sizes)), sizes)[: p.tracks]
    n_albums = int(album_of[-1]) + 1
    artist_of = np.unique(rng.integers(0, max(1, n_albums // 3), n_albums), return_inverse=True)[1]
    return album_of, artist_of


def _freshness(release: Floats, now: float, p: Listeners) -> Floats:
    """0 for what is not out yet; above 1 for what came out within the last epoch or so."""
    age = now - release
    boost = 1.0 + p.new_boost * np.exp(-age * p.epochs / 2.0) * (release > 0)
    return np.where(age >= 0, boost, 0.0)


def _playlists(
    p: Listeners, weights: Floats, fresh: list[Floats], rng: np.random.Generator
) -> list[list[list[int]]]:
    """Every playlist in every epoch; from one to the next a share of it is replaced."""
    current = [_drawn(w * fresh[0], int(rng.integers(20, 51)), rng) for w in weights]
    editions = [current]
    for fresh_now in fresh[1:]:
        renewed = []
        for tracks, w in zip(current, weights, strict=True):
            out = np.flatnonzero(rng.random(len(tracks)) < p.playlist_refresh)
            odds = w * fresh_now**2  # editors look for what is new
            odds[tracks] = 0.0
            tracks = list(tracks)
            for slot, track in zip(out.tolist(), _drawn(odds, len(out), rng), strict=False):
                tracks[slot] = track
            renewed.append(tracks)
        editions.append(renewed)
        current = renewed
    return editions


def _drawn(weights: Floats, size: int, rng: np.random.Generator) -> list[int]:
    """Up to `size` different indices by weight (the exponential-race form of weighted sampling)."""
    possible = np.flatnonzero(weights > 0)
    race = rng.exponential(size=len(possible)) / weights[possible]
    return [int(i) for i in possible[np.argsort(race)[:size]]]


def _neighbours(track: Floats, popularity: Floats, width: int) -> list[list[int]]:
    near = track @ track.T + 0.02 * np.log(popularity)
    np.fill_diagonal(near, -np.inf)
    top: list[list[int]] = np.argsort(-near, axis=1)[:, :width].tolist()
    return top


def _cumulative(weights: NDArray[Any]) -> list[float]:
    return list(accumulate((weights / weights.sum()).tolist()))


def _unit(x: Floats) -> Floats:
    unit: Floats = x / np.linalg.norm(x, axis=-1, keepdims=True)
    return unit
