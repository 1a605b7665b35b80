"""What a map says of tracks: titles, artists, and which playlists or sessions hold them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.data.playlist_sources import open_playlists
from models.data.playlists import Playlists
from models.graphs.folder import TrainedGraph
from models.graphs.items import all_edges

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

    def foremost(self, number: int) -> str | None:
        """Give the artist that a playlist has most tracks of, ties by name; None without any."""
        named = (self._artist_of[track] for track in self.playlists.graph.row(number).tolist())
        counts = Counter(name for name in named if name)
        return min(counts, key=lambda name: (-counts[name], name), default=None)

    def featuring(self, artist: str) -> list[int]:
        """Give the numbers of the playlists that hold a track of the artist, rising."""
        own = [track for track, name in enumerate(self._artist_of) if name == artist]
        graph = self.playlists.graph
        found: list[int] = np.unique(graph.owners[np.isin(graph.tracks, own)]).tolist()
        return found

    def tracks_of(self, identifier: str) -> tuple[str, ...]:
        """Give the tracks of a playlist or session, each once, in its order where that is known.

        Raises:
            ValueError: there is none of that id.
        """
        number, graph = self.number(identifier), self.playlists.graph
        tracks = graph.row(number)
        if graph.positions is not None:
            part = slice(int(graph.starts[number]), int(graph.starts[number + 1]))
            tracks = tracks[np.argsort(graph.positions[part])]
        return tuple(self.playlists.track_ids[track] for track in tracks.tolist())

    def number(self, identifier: str) -> int:
        """Give the number of a playlist or session.

        Raises:
            ValueError: there is none of that id.
        """
        ids = self.playlists.playlist_ids
        if identifier not in ids:
            raise ValueError(
                f"{self.name} has no {self.kind} {identifier!r}, expected one like "
                f"{', '.join(ids[:3])}, …"
            )
        return ids.index(identifier)

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

    @cached_property
    def _artist_of(self) -> list[str | None]:
        return [self.artists.get(track) for track in self.playlists.track_ids]

    def spelled(self, artist: str) -> str:
        """Give an artist's name with the data's capitals; one that it lacks as given."""
        return self._spellings.get(artist.casefold(), artist)

    @cached_property
    def _spellings(self) -> dict[str, str]:
        return {name.casefold(): name for name in self.artists.values()}

    def _named(self, column: str) -> dict[str, str]:
        if self.playlists.about is None:
            return {}
        names = self.playlists.about[column].to_list()
        pairs = zip(self.playlists.track_ids, names, strict=True)
        return {track: name for track, name in pairs if name}


def kind_of(spec: str) -> str:
    """Say what holds tracks in data of that name (`mpd`, or `mpd:PATH`): playlist or session."""
    return "playlist" if spec.partition(":")[0] in _PLAYLISTS else "session"


def music_of(trained: TrainedGraph) -> Music:
    """Take what a graph network was made of, with what was hidden from its training."""
    told = trained.training
    playlists = replace(trained.playlists, graph=all_edges(trained.split))
    return Music(told["data"], told["simulated"], kind_of(told["data"]), playlists)


def open_music(spec: str) -> Music:
    """Read what `spec` names (models/data/playlist_sources.py); of a test set that came along none.

    Raises:
        ValueError: there is no such data, or it cannot be read.
    """
    source = open_playlists(spec)
    playlists, _ = source.load()
    return Music(source.name, source.simulated, kind_of(spec), playlists)
