"""Playlists for the tests of maps."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from models.data.playlists import numbered
from models.map.music import Music


def music(
    held: Mapping[str, Sequence[str]],
    artists: Mapping[str, str] | None = None,
    titles: Mapping[str, str] | None = None,
    kind: str = "playlist",
    simulated: bool = False,
) -> Music:
    """Music of these playlists, by id."""
    tracks = list(dict.fromkeys(track for row in held.values() for track in row))
    about = None
    if artists or titles:
        about = pl.DataFrame(
            {
                "title": [(titles or {}).get(track, "") for track in tracks],
                "artist": [(artists or {}).get(track, "") for track in tracks],
                "album": [""] * len(tracks),
            }
        )
    owners = np.repeat(np.arange(len(held)), [len(row) for row in held.values()])
    numbers = np.array([tracks.index(track) for row in held.values() for track in row])
    return Music(f"{kind}s", simulated, kind, numbered(held, tracks, owners, numbers, about=about))
