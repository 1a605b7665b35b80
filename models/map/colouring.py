"""Which points of a map share a colour: by artist, by playlist, by how many hold them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .music import Music

COLOURS = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#2aa5a0", "#9c755f", "#d4a017")
"""Seen on white and on black; more of them could not be told apart."""
RAMP = ("#440154", "#443983", "#31688e", "#21918c", "#35b779", "#90d743", "#f5d90a")
OTHERS = -1


@dataclass(frozen=True)
class Colouring:
    """A group for each of n points; OTHERS are drawn faintly."""

    name: str
    groups: tuple[int, ...]  # (n,), of `labels`, or of RAMP where `ends` are given
    labels: tuple[str, ...] = ()
    ends: tuple[str, str] | None = None  # what the ramp goes from and to

    @property
    def colours(self) -> tuple[str, ...]:
        """The colour of each group."""
        return COLOURS if self.ends is None else RAMP


def colourings(
    music: Music,
    track_ids: Sequence[str],
    *,
    artists: Sequence[str] = (),
    playlist: Sequence[str] = (),
    near: Sequence[str] = (),
) -> list[Colouring]:
    """Give what the data allows, what was asked for first.

    `playlist` are the tracks of one that is looked at and `near` its neighbours.

    Raises:
        ValueError: an artist has no track among these.
    """
    found = []
    if artists:
        found.append(_of_artists(music, track_ids, artists))
    if playlist:
        held, close = set(playlist), set(near)
        groups = tuple(0 if t in held else 1 if t in close else OTHERS for t in track_ids)
        labels = (f"this {music.kind}", "nearest to it")
        found.append(Colouring(f"one {music.kind}", groups, labels))
    if music.artists:
        named = [music.artists.get(track) for track in track_ids]
        common = Counter(name for name in named if name).most_common(len(COLOURS))
        found.append(labelled("artist", named, [name for name, _ in common]))
    found += [_of_playlists(music, track_ids), _of_popularity(music, track_ids)]
    return found


def _of_artists(music: Music, track_ids: Sequence[str], artists: Sequence[str]) -> Colouring:
    if len(artists) > len(COLOURS):
        raise ValueError(f"{len(artists)} artists are asked for, expected {len(COLOURS)} at most")
    wanted = [music.spelled(artist) for artist in artists]
    named = [music.artists.get(track) for track in track_ids]
    for artist in wanted:
        if artist not in named:
            have = [name for name, _ in Counter(filter(None, named)).most_common(5)]
            raise ValueError(
                f"artist {artist!r} has no track on this map; "
                + (f"{', '.join(have)} have most" if have else f"{music.name} names no artists")
            )
    return labelled("artists asked for", named, wanted)


def labelled(name: str, named: Sequence[str | None], labels: Sequence[str]) -> Colouring:
    """Colour those that are named as one of the labels."""
    number = {label: group for group, label in enumerate(labels)}
    groups = tuple(OTHERS if label is None else number.get(label, OTHERS) for label in named)
    return Colouring(name, groups, tuple(labels))


def _of_playlists(music: Music, track_ids: Sequence[str]) -> Colouring:
    """Colour those that hold most of the tracks; a track in several goes with the largest."""
    owners = music.owners(track_ids)
    sizes = Counter(number for found in owners for number in found.tolist())
    largest = [number for number, _ in sizes.most_common(len(COLOURS))]
    place = {number: group for group, number in enumerate(largest)}
    groups = tuple(
        min((place[number] for number in found.tolist() if number in place), default=OTHERS)
        for found in owners
    )
    ids = music.playlists.playlist_ids
    labels = tuple(f"{music.kind} {ids[number]}" for number in largest)
    return Colouring(music.kind, groups, labels)


def _of_popularity(music: Music, track_ids: Sequence[str]) -> Colouring:
    counts = np.array([music.holders.get(track, 0) for track in track_ids])
    return ramped("popularity", counts, (f"in {counts.min()}", f"in {counts.max()} {music.kind}s"))


def ramped(name: str, counts: NDArray[np.int64], ends: tuple[str, str]) -> Colouring:
    """Colour by a number (n,), along its logarithm."""
    heights = np.log1p(counts - counts.min()) / max(math.log1p(int(np.ptp(counts))), 1e-9)
    groups = np.minimum((heights * len(RAMP)).astype(int), len(RAMP) - 1)
    return Colouring(name, tuple(groups.tolist()), ends=ends)
