"""`items.safetensors`: what a bundle scores tracks by, and what its encoder reads in their place.

`matrix` has a row for each track, `bias` (where there is one) a number. `reads` is in a bundle that
was extended by tracks which its encoder does not know: for each item the one that is read instead.
`skips` is what a second stage is told of each track.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from .manifest import BundleError, Manifest

ITEMS = "items.safetensors"


class Items(NamedTuple):
    """What `items.safetensors` holds; row 0 of each is padding."""

    matrix: NDArray[np.float32]  # (N + 1, D)
    bias: NDArray[np.float32] | None = None  # (N + 1,)
    reads: NDArray[np.int64] | None = None  # (N + 1,) item that the encoder reads; None: each
    skips: NDArray[np.float32] | None = None  # (N + 1,) logits of skip rates, [0] of all tracks

    def to_safetensors(self) -> bytes:
        """Give the file."""
        tensors = {name: part for name, part in self._asdict().items() if part is not None}
        raw: bytes = safetensors.numpy.save(tensors)
        return raw


def read_items(raw: bytes, manifest: Manifest) -> Items:
    """Read `items.safetensors`; BundleError when it is none, or does not fit the manifest."""
    try:
        tensors = safetensors.numpy.load(raw)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as err:
        raise BundleError(f"{ITEMS} cannot be read: {err}; copy it again", "matrix") from err
    if "matrix" not in tensors or set(tensors) - set(Items._fields):
        raise BundleError(
            f"{ITEMS} holds {sorted(tensors)}, expected `matrix` and perhaps `bias`, `reads` "
            "and `skips`",
            "matrix",
        )
    rows = manifest.catalog_size + 1
    _check_floats("matrix", tensors["matrix"], (rows, manifest.width))
    for name in ("bias", "skips"):
        if name in tensors:
            _check_floats(name, tensors[name], (rows,))
    if "reads" in tensors:
        _check_reads(tensors["reads"], rows)
    return Items(**tensors)


def _check_floats(name: str, tensor: NDArray[Any], expected: tuple[int, ...]) -> None:
    if tensor.dtype != np.float32 or tensor.shape != expected:
        raise BundleError(
            f"{name} is {tensor.dtype}{list(tensor.shape)}, expected float32"
            f"{list(expected)}: a row for each track of the catalog and one for padding",
            "matrix",
        )
    if not np.isfinite(tensor).all():
        bad = int(np.argwhere(~np.isfinite(tensor))[0][0])
        raise BundleError(f"{name} is not finite in row {bad}; train and export again", "matrix")


def _check_reads(reads: NDArray[Any], rows: int) -> None:
    if reads.dtype != np.int64 or reads.shape != (rows,):
        raise BundleError(
            f"reads is {reads.dtype}{list(reads.shape)}, expected int64[{rows}]: an item for each "
            "track of the catalog, and 0 for padding",
            "matrix",
        )
    outside = reads[0] != 0 or (reads[1:] < 1).any() or (reads >= rows).any()
    if outside or (reads[reads] != reads).any():
        raise BundleError(
            f"reads names {int(reads.min())}..{int(reads.max())}, expected for each item one of "
            f"1..{rows - 1} that is read as itself; extend the bundle again",
            "matrix",
        )
