"""Draws a map of tracks: which of them, what they share, and one playlist among them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models.items.track_embeddings import TrackEmbeddings

from .colouring import Colouring, colourings
from .drawn import Drawn, Shares, write_map
from .music import Music
from .picture import named_groups
from .points import tracks
from .projection import NEAREST, Floats, Ints, share_alike, share_together, spread_out

AROUND = 40  # neighbours of a playlist that its picture has


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the map is to show."""

    most: int = 4000  # tracks, those that most playlists hold
    artists: tuple[str, ...] = ()
    playlist: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what makes no map."""
        if self.most < 2:
            raise ValueError(f"a map of {self.most} tracks shows nothing, expected 2 or more")


def draw(
    embeddings: Mapping[str, TrackEmbeddings],
    music: Music,
    out: Path,
    *,
    wanted: Wanted | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Drawn:
    """Write map.html and the pictures into `out`; files of the same names are replaced.

    There is a view for each of the embeddings, by its name, of the same tracks; a playlist's
    neighbours are those of the last.

    Raises:
        ValueError: files and data share too few tracks, or the artist or playlist is unknown.
        ModuleNotFoundError: umap-learn or matplotlib is not installed.
    """
    wanted = wanted or Wanted()
    held = () if wanted.playlist is None else music.tracks_of(wanted.playlist)
    track_ids = _chosen(music, list(embeddings.values()), wanted.most, held)
    matrices = {name: e.matrix[e.rows(track_ids)] for name, e in embeddings.items()}
    last = list(matrices.values())[-1]
    place = {track: number for number, track in enumerate(track_ids)}
    here = [place[track] for track in held if track in place]
    near = _around(last, here)
    looks = colourings(
        music,
        track_ids,
        artists=wanted.artists,
        playlist=[track_ids[i] for i in here],
        near=[track_ids[i] for i in near],
    )
    points = tracks(music, track_ids)
    artists, owners = points.artists, music.owners(track_ids)

    def shares(pairs: Ints) -> Shares:
        return {
            f"same_artist@{NEAREST}": share_alike(pairs, artists),
            f"same_{music.kind}@{NEAREST}": share_together(pairs, owners),
        }

    drawn = write_map(
        out, music, points, matrices, looks, shares, rings=here, seed=wanted.seed, say=say
    )
    if not here:
        return drawn
    picture = out / "playlist.png"
    _neighbourhood(picture, music, track_ids, last, [*here, *near], len(here), wanted)
    return replace(drawn, files=[*drawn.files, picture])


def _chosen(
    music: Music, every: Sequence[TrackEmbeddings], most: int, held: Sequence[str]
) -> tuple[str, ...]:
    """Choose the most popular tracks that every file has, and the playlist's own in any case."""
    known = [t for t in music.holders if all(t in found.index for found in every)]
    if len(known) < 2:
        raise ValueError(
            f"the data has {len(music.holders)} tracks and shares {len(known)} with the embeddings:"
            f" {every[-1].track_ids[0]!r} … stands there; give the data that they were made of"
        )
    first = set(known[:most]) | (set(held) & set(known))
    return tuple(track for track in known if track in first)


def _around(matrix: Floats, here: Sequence[int]) -> list[int]:
    """Give the tracks nearest to the middle of some, by cosine, without these."""
    if not here:
        return []
    unit = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
    alike = unit @ unit[here].mean(axis=0)
    alike[here] = -np.inf
    order = np.argsort(-alike)[: min(AROUND, len(matrix) - len(set(here)))]
    return [int(i) for i in order]


def _neighbourhood(
    path: Path,
    music: Music,
    track_ids: Sequence[str],
    matrix: Floats,
    shown: Sequence[int],
    own: int,
    wanted: Wanted,
) -> None:
    """Draw a playlist, the first `own` of those shown, and what lies around it, with names."""
    groups = tuple(0 if number < own else 1 for number in range(len(shown)))
    labels = [music.titles.get(track_ids[i], track_ids[i]) for i in shown]
    named_groups(
        path,
        f"{music.kind} {wanted.playlist}, and what is near it",
        spread_out(matrix[list(shown)], wanted.seed),
        Colouring("one", groups, (f"this {music.kind}", "nearest to it")),
        labels,
    )
