"""Track embeddings in a file of their own: what a graph network makes and a sequence model takes.

One safetensors file of two tensors: `matrix` float32 (N, D), a row for each track and none for
padding, and `track_ids` uint8, their ids as UTF-8 with a newline between two. Its metadata has
`format` and `about`, a JSON object of what the maker has to say. One key of it is read by training:
`split`, a `Split.record()`, which says whose training part the embeddings were learned from. Ids
stand in a tensor because safetensors' own header ends at 100 MB, about two million of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from streams.bundle import open_bundle

from ..whole import write_whole

FORMAT = "segue-track-embeddings-1"
MATRIX, TRACK_IDS = "matrix", "track_ids"
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TrackEmbeddings:
    """A vector for each of some tracks.

    Raises:
        ValueError: not a row for each track, an id that is empty, repeated or no plain text, a
            value that is not finite, or vectors that are all the same.
    """

    track_ids: tuple[str, ...]
    matrix: Floats  # (N, D)
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        matrix, ids = self.matrix, self.track_ids
        if matrix.ndim != 2 or matrix.dtype != np.float32 or 0 in matrix.shape:
            raise ValueError(
                f"{MATRIX} is {matrix.dtype}{list(matrix.shape)}, expected float32[N, D]: a row "
                "for each track"
            )
        if len(ids) != len(matrix):
            raise ValueError(f"{len(ids)} track ids for {len(matrix)} rows, expected one a row")
        if len(self.index) != len(ids):
            twice = next(t for row, t in enumerate(ids) if self.index[t] != row)
            raise ValueError(f"track {twice!r} is there twice; keep one of its rows")
        if odd := next((t for t in ids if not t or "\n" in t), None):
            raise ValueError(f"track id {odd!r}: expected text without a line break")
        if "" in self.index:
            raise ValueError(f"row {self.index['']} has an empty track id")
        if not np.isfinite(matrix).all():
            row, column = np.argwhere(~np.isfinite(matrix))[0].tolist()
            raise ValueError(
                f"track {ids[row]!r} has {matrix[row, column]} in column {column}, expected finite "
                "numbers: its training failed, or leave the track out"
            )
        if len(matrix) > 1 and not np.ptp(matrix, axis=0).any():
            raise ValueError(f"all {len(matrix)} rows are the same, so they say nothing of tracks")

    @property
    def width(self) -> int:
        """D."""
        return int(self.matrix.shape[1])

    @cached_property
    def index(self) -> dict[str, int]:
        """Row of each track."""
        return {track: row for row, track in enumerate(self.track_ids)}

    def rows(self, track_ids: Sequence[str]) -> NDArray[np.int64]:
        """Give the row of each track, (n,); -1 where there is none."""
        return np.array([self.index.get(track, -1) for track in track_ids], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.track_ids)


def write_embeddings(path: Path, embeddings: TrackEmbeddings) -> None:
    """Write the file whole or not at all; an older one is replaced.

    Raises:
        ValueError: `about` is no JSON.
    """
    try:
        about = json.dumps(dict(embeddings.about), allow_nan=False)
    except (TypeError, ValueError) as err:
        raise ValueError(f"about is no JSON: {err}") from err
    ids = "\n".join(embeddings.track_ids).encode()
    tensors: dict[str, NDArray[Any]] = {
        MATRIX: np.ascontiguousarray(embeddings.matrix),
        TRACK_IDS: np.frombuffer(ids, dtype=np.uint8),
    }
    # save_file would keep the file from everyone else, whatever the umask.
    write_whole(path, safetensors.numpy.save(tensors, {"format": FORMAT, "about": about}))


def read_embeddings(path: Path) -> TrackEmbeddings:
    """Read a file of track embeddings.

    Raises:
        ValueError: not such a file, or what it holds is wrong; the message says what.
        FileNotFoundError: there is none.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file of track embeddings at {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata, names = file.metadata() or {}, set(file.keys())
            _check_kind(metadata, names)
            matrix, ids = file.get_tensor(MATRIX), file.get_tensor(TRACK_IDS)
        return TrackEmbeddings(_ids(ids), matrix, json.loads(metadata.get("about", "{}")))
    except (SafetensorError, ValueError) as err:
        raise ValueError(f"{path} is no file of track embeddings: {err}") from err


def embeddings_at(path: Path) -> TrackEmbeddings:
    """Read a file of track embeddings, or take those that a bundle scores tracks by.

    Raises:
        ValueError: not such a file, or a bundle without a network.
        BundleError: the folder holds no bundle that is whole.
    """
    if not path.is_dir():
        return read_embeddings(path)
    bundle = open_bundle(path)
    if bundle.matrix is None:
        raise ValueError(f"{path} holds counts alone: there are no embeddings in it")
    manifest = bundle.manifest
    about = {"bundle": manifest.version, **{k: manifest.training.get(k) for k in ("data", "split")}}
    return TrackEmbeddings(bundle.catalog.track_ids, bundle.matrix[1:], about)


def _check_kind(metadata: Mapping[str, str], names: set[str]) -> None:
    if metadata.get("format") != FORMAT or names != {MATRIX, TRACK_IDS}:
        raise ValueError(
            f"it holds {sorted(names)} and format {metadata.get('format')!r}, expected `{MATRIX}`, "
            f"`{TRACK_IDS}` and {FORMAT!r}: write it with `segue graph embed`"
        )


def _ids(packed: NDArray[Any]) -> tuple[str, ...]:
    if packed.dtype != np.uint8 or packed.ndim != 1:
        raise ValueError(
            f"{TRACK_IDS} is {packed.dtype}{list(packed.shape)}, expected uint8[bytes]"
        )
    return tuple(packed.tobytes().decode().split("\n"))
