"""What a map says of tracks: titles, artists, and which playlists or sessions hold them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.data.playlist_sources import open_playlists
from models.data.playlists import Playlists

_PLAYLISTS = ("mpd", "pairs", "gowalla")  # all else are sessions


@dataclass(frozen=True, eq=False)
class Music:
    """Playlists or sessions, and the names that the data has."""

    name: str
    simulated: bool
    kind: str  # what holds tracks: playlist or session
    playlists: Playlists

    @cached_property
    def titles(self) -> dict[str, str]:
        """Title of each track that has one."""
        return self._named("title")

    @cached_property
    def artists(self) -> dict[str, str]:
        """Artist of each track that has one."""
        return self._named("artist")

    @cached_property
    def holders(self) -> dict[str, int]:
        """How many playlists hold each track, most first, ties by track_id."""
        ids, counts = self.playlists.track_ids, self.playlists.graph.popularity.tolist()
        return dict(sorted(zip(ids, counts, strict=True), key=lambda pair: (-pair[1], pair[0])))

    def tracks_of(self, identifier: str) -> tuple[str, ...]:
        """Give the tracks of a playlist or session, each once, in its order where that is known.

        Raises:
            ValueError: there is none of that id.
        """
        ids, graph = self.playlists.playlist_ids, self.playlists.graph
        if identifier not in ids:
            raise ValueError(
                f"{self.name} has no {self.kind} {identifier!r}, expected one like "
                f"{', '.join(ids[:3])}, …"
            )
        number = ids.index(identifier)
        tracks = graph.row(number)
        if graph.positions is not None:
            part = slice(int(graph.starts[number]), int(graph.starts[number + 1]))
            tracks = tracks[np.argsort(graph.positions[part])]
        return tuple(self.playlists.track_ids[track] for track in tracks.tolist())

    def owners(self, track_ids: Iterable[str]) -> list[NDArray[np.int64]]:
        """Give for each track the numbers of the playlists that hold it."""
        graph = self.playlists.graph
        order = np.argsort(graph.tracks, kind="stable")
        starts = np.searchsorted(graph.tracks[order], np.arange(graph.n_tracks + 1))
        owners = graph.owners[order]
        index = {track: number for number, track in enumerate(self.playlists.track_ids)}
        found = (index.get(track) for track in track_ids)
        return [
            owners[:0] if track is None else owners[starts[track] : starts[track + 1]]
            for track in found
        ]

    def _named(self, column: str) -> dict[str, str]:
        if self.playlists.about is None:
            return {}
        names = self.playlists.about[column].to_list()
        pairs = zip(self.playlists.track_ids, names, strict=True)
        return {track: name for track, name in pairs if name}


def open_music(spec: str) -> Music:
    """Read what `spec` names (models/data/playlist_sources.py); of a test set that came along none.

    Raises:
        ValueError: there is no such data, or it cannot be read.
    """
    source = open_playlists(spec)
    playlists, _ = source.load()
    kind = "playlist" if spec.partition(":")[0] in _PLAYLISTS else "session"
    return Music(source.name, source.simulated, kind, playlists)
