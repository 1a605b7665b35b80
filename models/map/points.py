"""What a map draws: a name, a heading and a remark for each point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .music import Music


@dataclass(frozen=True)
class Points:
    """n points, each with what a person reads who looks at it."""

    kind: str  # of one of them: track, playlist or session
    ids: tuple[str, ...]
    titles: tuple[str | None, ...]
    artists: tuple[str | None, ...]
    remarks: tuple[str | None, ...]  # how much there is of it


def tracks(music: Music, track_ids: Sequence[str]) -> Points:
    """Take tracks, with how many playlists hold each."""
    counts = [music.holders.get(track) for track in track_ids]
    return Points(
        "track",
        tuple(track_ids),
        tuple(music.titles.get(track) for track in track_ids),
        tuple(music.artists.get(track) for track in track_ids),
        tuple(None if count is None else f"in {count} {music.kind}s" for count in counts),
    )


def playlists(music: Music, numbers: Sequence[int]) -> Points:
    """Take playlists by their numbers, with the artist that each has most and its tracks."""
    ids, lengths = music.playlists.playlist_ids, music.playlists.graph.lengths
    return Points(
        music.kind,
        tuple(ids[number] for number in numbers),
        (None,) * len(numbers),
        tuple(music.foremost(number) for number in numbers),
        tuple(f"{n} track{'s' if n != 1 else ''}" for n in lengths[list(numbers)].tolist()),
    )
