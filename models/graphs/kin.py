"""What tracks have in common besides playlists: artists and albums, as further nodes of a graph.

Papers 1 and 2 leave this heterogeneous form as future work (Huang & Singh, "GNN-based Spotify
Playlist Recommendation", section 12). A track is joined to its artist and to its album; each has an
embedding, passes messages, and is never recommended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

KINDS = ("artist", "album")


@dataclass(frozen=True, eq=False)
class Kin:
    """G groups of tracks, numbered over all kinds: `groups[t]` are track t's, -1 for none."""

    groups: NDArray[np.int64]  # (T, kinds)

    @property
    def count(self) -> int:
        """G."""
        return int(self.groups.max(initial=-1)) + 1

    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """List the tracks and groups that are joined, (e,) and (e,)."""
        tracks, kinds = np.nonzero(self.groups >= 0)
        return tracks.astype(np.int64), self.groups[tracks, kinds]


def kin_of(about: pl.DataFrame | None, kinds: Sequence[str]) -> Kin:
    """Group tracks by artist, and by album of one artist; a group of one track is none.

    Raises:
        ValueError: a kind is not known, the data names no artists, or no two tracks share any.
    """
    if unknown := sorted(set(kinds) - set(KINDS)):
        raise ValueError(f"unknown kin {unknown}: expected some of {list(KINDS)}")
    if about is None:
        raise ValueError("the data does not name artists and albums: leave kin out")
    found, count = [], 0
    for kind in kinds:
        # Albums of one name by two artists are two.
        name = pl.concat_str("artist", "album", separator="\n") if kind == "album" else "artist"
        named = about.select(name=pl.when(pl.col(kind) != "").then(name))
        shared = pl.when(pl.len().over("name") > 1).then("name")
        names = named.select(shared).to_series()
        catalog = names.drop_nulls().unique(maintain_order=True)
        numbers = names.cast(pl.Enum(catalog)).to_physical().cast(pl.Int64)
        found.append((numbers + count).fill_null(-1).to_numpy())
        count += len(catalog)
    if not count:
        raise ValueError(f"no two of the {about.height} tracks share an {' or '.join(kinds)}")
    return Kin(np.stack(found, axis=1))
