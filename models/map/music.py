"""What a map says of tracks: titles, artists, how often they were played, and what held them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.data.sources import open_source
from models.sessions import Sessions, packed

MPD = "mpd"
PATTERN = "mpd.slice.*.json"


@dataclass(frozen=True, eq=False)
class Music:
    """Playlists or sessions over a catalog, and the names that the data has."""

    name: str
    simulated: bool
    kind: str  # what holds tracks: playlist or session
    held: Sessions  # most played first
    titles: dict[str, str] = field(default_factory=dict)  # by track_id
    artists: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # of playlists, by id

    def plays(self) -> dict[str, int]:
        """How often each track stands in any of them."""
        counts = self.held.counts()[1:].tolist()
        return dict(zip(self.held.track_ids, counts, strict=True))

    def tracks_of(self, identifier: str) -> tuple[str, ...]:
        """Give the tracks of a playlist or session, each once, in its order.

        Raises:
            ValueError: there is none of that id.
        """
        if identifier not in self.held.session_ids:
            some = ", ".join(self.held.session_ids[:3])
            raise ValueError(
                f"{self.name} has no {self.kind} {identifier!r}, expected one like {some}, …"
            )
        number = self.held.session_ids.index(identifier)
        return tuple(dict.fromkeys(track for track, _ in self.held.occurrences(number)))

    def owners(self, track_ids: Iterable[str]) -> list[NDArray[np.int64]]:
        """Give for each track the numbers of the playlists that hold it."""
        held = self.held
        number = np.repeat(np.arange(len(held)), held.lengths)
        order = np.argsort(held.items, kind="stable")
        starts = np.searchsorted(held.items[order], np.arange(held.n_items + 2))
        index = {track: item for item, track in enumerate(held.track_ids, start=1)}
        found = (index.get(track, 0) for track in track_ids)
        return [
            np.unique(number[order[starts[item] : starts[item + 1]]]) if item else number[:0]
            for item in found
        ]


class _Track(msgspec.Struct):
    track_uri: str
    track_name: str = ""
    artist_name: str = ""


class _Playlist(msgspec.Struct):
    pid: int
    tracks: list[_Track]
    name: str = ""


class _Slice(msgspec.Struct):
    playlists: list[_Playlist]


def open_music(spec: str) -> Music:
    """Read `mpd:PATH` with its names, or whatever else is named as data (models/data/sources.py).

    Raises:
        ValueError: there is no such data, or it cannot be read.
    """
    name, _, rest = spec.partition(":")
    if name == MPD:
        return _mpd(Path(rest).expanduser())
    source = open_source(spec)
    return Music(source.name, source.simulated, "session", source.load())


def _mpd(path: Path) -> Music:
    files = [path] if path.is_file() else sorted(path.glob(PATTERN))
    if not files:
        raise ValueError(f"{path} is no slice, and there is none in it: expected {PATTERN}")
    playlists = []
    for file in files:
        try:
            playlists += msgspec.json.decode(file.read_bytes(), type=_Slice).playlists
        except (msgspec.MsgspecError, UnicodeDecodeError) as err:
            raise ValueError(
                f"{file} is no slice of the Million Playlist Dataset: {err}; fetch it again"
            ) from err
    tracks = {track.track_uri: track for playlist in playlists for track in playlist.tracks}
    pairs = ((str(p.pid), [(track.track_uri, 0) for track in p.tracks]) for p in playlists)
    return Music(
        name=MPD,
        simulated=False,
        kind="playlist",
        held=packed(pairs),
        titles={uri: track.track_name for uri, track in tracks.items() if track.track_name},
        artists={uri: track.artist_name for uri, track in tracks.items() if track.artist_name},
        names={str(playlist.pid): playlist.name for playlist in playlists if playlist.name},
    )
