"""The Million Playlist Dataset of Spotify (Chen, Lamere, Schedl & Zamani, RecSys 2018).

`mpd.slice.*.json`, a thousand playlists in each of a thousand files. Files are read one by one, so
that memory holds the pairs and the catalog but no more than one file's text.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from .playlists import Playlists, numbered

PATTERN = "mpd.slice.*.json"


class _Track(msgspec.Struct):
    track_uri: str
    track_name: str = ""
    artist_name: str = ""
    album_name: str = ""


class _Playlist(msgspec.Struct):
    pid: int
    tracks: list[_Track]


class _Slice(msgspec.Struct):
    playlists: list[_Playlist]


def files(path: Path) -> list[Path]:
    """List the slices at a path, in order of their numbers: one file, or all of a directory's."""
    if path.is_file():
        return [path]
    found = list(path.glob(PATTERN)) if path.is_dir() else []
    if not found:
        raise ValueError(f"{path} is no slice, and there is none in it: expected {PATTERN}")
    return sorted(found, key=lambda file: ([int(n) for n in re.findall(r"\d+", file.name)], file))


def read(path: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> Playlists:
    """Read every slice at a path; `progress` is told of files done and of how many there are.

    Raises:
        ValueError: there is no slice, or one is malformed; the message names it.
    """
    listed = files(path)
    index: defaultdict[str, int] = defaultdict()
    index.default_factory = index.__len__
    about: list[tuple[str, str, str]] = []
    names: list[str] = []
    lengths: list[int] = []
    pieces: list[np.ndarray[tuple[int], np.dtype[np.int32]]] = []
    for done, file in enumerate(listed):
        progress(done, len(listed))
        for playlist in _slice(file).playlists:
            numbers = [index[track.track_uri] for track in playlist.tracks]
            names.append(str(playlist.pid))
            lengths.append(len(numbers))
            pieces.append(np.array(numbers, np.int32))
            if len(index) > len(about):
                for number, track in zip(numbers, playlist.tracks, strict=True):
                    if number == len(about):
                        about.append((track.track_name, track.artist_name, track.album_name))
    progress(len(listed), len(listed))
    if not index:
        raise ValueError(f"there is no track in the {len(listed)} slices at {path}")
    return numbered(
        names,
        index,
        np.repeat(np.arange(len(names)), lengths),
        np.concatenate(pieces),
        about=pl.DataFrame(about, schema=["title", "artist", "album"], orient="row"),
    )


def _slice(file: Path) -> _Slice:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Slice)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as err:
        raise ValueError(
            f"{file} is no slice of the Million Playlist Dataset: {err}; expected an object with "
            "`playlists`, each with a `pid` and `tracks` that have a `track_uri`: fetch the file "
            "again, or move it away to do without it"
        ) from err
