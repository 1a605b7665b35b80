"""Draws a map: which tracks, where they lie, what they share, and the files that show it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from models.items.track_embeddings import TrackEmbeddings

from .colouring import Colouring, colourings
from .music import Music
from .page import View, page
from .picture import named_groups, scatter
from .projection import (
    NEAREST,
    Floats,
    Ints,
    nearest,
    projected,
    share_alike,
    share_together,
    spread_out,
    strangers,
)

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


@dataclass(frozen=True)
class Drawn:
    """The files, and the numbers that stand beside them."""

    files: list[Path]
    tracks: int
    views: dict[str, dict[str, float | None]]
    chance: dict[str, float | None] = field(default_factory=dict)


def draw(
    embeddings: TrackEmbeddings,
    music: Music,
    out: Path,
    *,
    before: TrackEmbeddings | None = None,
    wanted: Wanted | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Drawn:
    """Write map.html and the pictures into `out`; files of the same names are replaced.

    Raises:
        ValueError: file and data share too few tracks, or the artist or playlist is unknown.
        ModuleNotFoundError: umap-learn or matplotlib is not installed.
    """
    wanted = wanted or Wanted()
    held = () if wanted.playlist is None else music.tracks_of(wanted.playlist)
    both = [embeddings] if before is None else [before, embeddings]
    track_ids = _chosen(music, both, wanted.most, held)
    matrices = [found.matrix[found.rows(track_ids)] for found in both]
    place = {track: number for number, track in enumerate(track_ids)}
    here = [place[track] for track in held if track in place]
    near = _around(matrices[-1], here)
    looks = colourings(
        music,
        track_ids,
        artists=wanted.artists,
        playlist=[track_ids[i] for i in here],
        near=[track_ids[i] for i in near],
    )
    names = ["embedded"] if before is None else ["before", "after"]
    views = []
    for name, matrix in zip(names, matrices, strict=True):
        say(f"bringing {len(track_ids)} tracks to 2-D and 3-D: {name}")
        views.append(View(name, projected(matrix, wanted.seed)))
    out.mkdir(parents=True, exist_ok=True)
    label = " (simulated)" if music.simulated else ""
    title = f"Tracks of {music.name}{label}"
    note = f"{len(track_ids)} tracks by UMAP; near in the picture is alike in the embedding."
    files = [out / "map.html", out / "map_2d.png", out / "map_3d.png"]
    text = page(title, note, music, track_ids, views, looks, here)
    files[0].write_text(text, encoding="utf-8")
    say("drawing the pictures")
    scatter(files[1], views, looks[0])
    scatter(files[2], views, looks[0], deep=True)
    if here:
        files.append(out / "playlist.png")
        _neighbourhood(files[-1], music, track_ids, matrices[-1], [*here, *near], len(here), wanted)
    shares = {
        view.name: {
            "trustworthiness_2d": view.projection.trustworthiness[0],
            "trustworthiness_3d": view.projection.trustworthiness[1],
            **_shares(music, track_ids, nearest(matrix)),
        }
        for view, matrix in zip(views, matrices, strict=True)
    }
    by_chance = strangers(len(track_ids), NEAREST, wanted.seed)
    return Drawn(files, len(track_ids), shares, _shares(music, track_ids, by_chance))


def _chosen(
    music: Music, both: Sequence[TrackEmbeddings], most: int, held: Sequence[str]
) -> tuple[str, ...]:
    """Choose the most popular tracks that every file has, and the playlist's own in any case."""
    known = [t for t in music.holders if all(t in found.index for found in both)]
    if len(known) < 2:
        raise ValueError(
            f"the data has {len(music.holders)} tracks and shares {len(known)} with the embeddings:"
            f" {both[-1].track_ids[0]!r} … stands there; give the data that they were made of"
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


def _shares(music: Music, track_ids: Sequence[str], pairs: Ints) -> dict[str, float | None]:
    artists = [music.artists.get(track) for track in track_ids]
    return {
        f"same_artist@{NEAREST}": share_alike(pairs, artists),
        f"same_{music.kind}@{NEAREST}": share_together(pairs, music.owners(track_ids)),
    }
