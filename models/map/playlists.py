"""Draws a map of playlists, told apart by the artists that they feature.

Batelaan, Brink & Wittenbrink ("Spotify Track Neural Recommender System") look so at their
playlists: all of them, over training, and those that feature one of two artists, or both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from .colouring import COLOURS, Colouring, labelled, ramped
from .draw import Wanted
from .drawn import Drawn, Shares, write_map
from .music import Music
from .points import playlists
from .projection import NEAREST, Floats, Ints, share_alike


def draw_playlists(
    embeddings: Mapping[str, Floats],
    music: Music,
    out: Path,
    *,
    wanted: Wanted | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Drawn:
    """Write map.html and the pictures into `out`; files of the same names are replaced.

    Each matrix has a row for each of the music's playlists, (P, D). Those that feature an artist
    who is asked for are drawn, and the one whose id is; others are drawn at random, `most` in all.

    Raises:
        ValueError: too few playlists, or the artist or playlist is unknown.
        ModuleNotFoundError: umap-learn or matplotlib is not installed.
    """
    wanted = wanted or Wanted()
    own = () if wanted.playlist is None else (music.number(wanted.playlist),)
    featured = _featured(music, wanted.artists)
    chosen = _chosen(music, wanted, [*own, *featured])
    points = playlists(music, chosen)
    asked = [featured.get(number) for number in chosen]
    colourings = []
    if wanted.artists:
        labels = [music.spelled(artist) for artist in wanted.artists]
        colourings.append(labelled("artists asked for", asked, [*labels, _several(labels)]))
    colourings += _others(music, chosen, points.artists)

    def shares(pairs: Ints) -> Shares:
        found = {f"same_artist@{NEAREST}": share_alike(pairs, points.artists)}
        if wanted.artists:
            found[f"same_asked@{NEAREST}"] = share_alike(pairs, asked)
        return found

    matrices = {name: matrix[chosen] for name, matrix in embeddings.items()}
    rings = [chosen.index(number) for number in own]
    return write_map(
        out, music, points, matrices, colourings, shares, rings=rings, seed=wanted.seed, say=say
    )


def _featured(music: Music, artists: Sequence[str]) -> dict[int, str]:
    """Say of playlists that feature artists which of them it is."""
    if len(artists) >= len(COLOURS):
        raise ValueError(
            f"{len(artists)} artists are asked for, expected {len(COLOURS) - 1} at most"
        )
    found: dict[int, str] = {}
    for artist in map(music.spelled, artists):
        features = music.featuring(artist)
        if not features:
            foremost = map(music.foremost, range(music.playlists.graph.n_playlists))
            have = [name for name, _ in Counter(filter(None, foremost)).most_common(5)]
            raise ValueError(
                f"no {music.kind} features the artist {artist!r}; "
                + (f"{', '.join(have)} are in most" if have else f"{music.name} names no artists")
            )
        for number in features:
            found[number] = _several(artists) if number in found else artist
    return found


def _several(artists: Sequence[str]) -> str:
    return "both" if len(artists) == 2 else "several of them"


def _chosen(music: Music, wanted: Wanted, first: Sequence[int]) -> list[int]:
    """Take the first ones, and others at random until there are as many as wanted."""
    order = np.random.default_rng(wanted.seed).permutation(music.playlists.graph.n_playlists)
    return list(dict.fromkeys([*first, *order.tolist()]))[: wanted.most]


def _others(music: Music, chosen: Sequence[int], foremost: Sequence[str | None]) -> list[Colouring]:
    """Colour by the artist that a playlist has most of, and by its length."""
    found = []
    common = [name for name, _ in Counter(filter(None, foremost)).most_common(len(COLOURS))]
    if common:
        found.append(labelled("artist", foremost, common))
    lengths = music.playlists.graph.lengths[list(chosen)]
    ends = f"{lengths.min()}", f"{lengths.max()} tracks"
    return [*found, ramped("length", lengths, ends)]
