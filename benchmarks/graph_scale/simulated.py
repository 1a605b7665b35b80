"""Playlists with the proportions of the Million Playlist Dataset, of any size; they say nothing.

66 tracks a playlist and 30 entries a track (Chen, Lamere, Schedl & Zamani, RecSys 2018); lengths
are geometric between 5 and 250, and popularity falls with the rank as Zipf has it.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from models.graphs.graph import Ints

LENGTH = 66  # tracks of a playlist, on average
ENTRIES = 30  # of a track, on average
EXPONENT = 0.9  # of popularity by rank


def pairs(edges: int, rng: np.random.Generator) -> tuple[Ints, Ints, int, int]:
    """Draw owners (E,) and tracks (E,), in the playlists' order; and how many of both there are."""
    playlists, tracks = max(1, edges // LENGTH), max(2, edges // ENTRIES)
    lengths = np.clip(rng.geometric(1 / LENGTH, playlists), 5, 250)
    owners = np.repeat(np.arange(playlists), lengths)
    # The inverse of the distribution of ranks, as one that has no steps.
    power = 1 - EXPONENT
    ranks = ((tracks**power - 1) * rng.random(len(owners)) + 1) ** (1 / power)
    return owners, np.minimum(ranks.astype(np.int64) - 1, tracks - 1), playlists, tracks


def write_slices(folder: Path, owners: Ints, tracks: Ints, playlists: int) -> int:
    """Write them as `mpd.slice.*.json`, a thousand playlists each; gives the bytes."""
    starts, size = np.searchsorted(owners, np.arange(playlists + 1)), 0
    for first in range(0, playlists, 1000):
        last = min(first + 1000, playlists)
        listed = [
            {"pid": p, "name": f"playlist {p}", "tracks": [
                _entry(place, track)
                for place, track in enumerate(tracks[starts[p] : starts[p + 1]].tolist())
            ]}
            for p in range(first, last)
        ]  # fmt: skip
        text = json.dumps({"info": {"slice": f"{first}-{last - 1}"}, "playlists": listed}, indent=4)
        size += (folder / f"mpd.slice.{first}-{last - 1}.json").write_text(text, encoding="utf-8")
    return size


def _entry(place: int, track: int) -> dict[str, object]:
    artist, album = track // 7, track // 3
    return {
        "pos": place,
        "artist_name": f"artist {artist}",
        "track_uri": f"spotify:track:{track:022d}",
        "artist_uri": f"spotify:artist:{artist:022d}",
        "track_name": f"a track of number {track}",
        "album_uri": f"spotify:album:{album:022d}",
        "duration_ms": 200_000,
        "album_name": f"an album of number {album}",
    }
