"""Item embeddings that a model begins with, made of track embeddings from elsewhere.

A file's vectors are centred, brought to the model's width and scaled to the spread that its own
start has, so that nothing else of the recipe need change. Frozen ones never move. Tracks that the
file does not have begin as usual, and always learn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..encoders.encoder import Encoder
from ..split import Split
from .track_embeddings import TrackEmbeddings

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ItemStart:
    """Where the rows of some of a catalog's tracks begin."""

    items: Tensor  # (m,) int64, of the tracks that the file has
    rows: Tensor  # (m, D), centred; of deviation 1 over all their numbers
    frozen: bool = False
    record: Mapping[str, Any] = field(default_factory=dict)  # for a manifest

    def placed(self, model: Encoder) -> Callable[[], None]:
        """Write the rows into the model's tables, as widely spread as what stood there.

        What it gives is to be called after each step of training: it keeps frozen rows where they
        are. Their gradient is 0, so that it counts for nothing where gradients are clipped; what
        else moves weights (decay, updates that go around autograd) is undone.

        Raises:
            ValueError: the rows are of another width.
        """
        for table in model.track_tables():
            if table.shape[1] != self.rows.shape[1]:
                raise ValueError(
                    f"rows of width {self.rows.shape[1]} for a model of width {table.shape[1]}"
                )
            with torch.no_grad():
                spread = table[1:].std()
                table[self.items.to(table.device)] = self.rows.to(table.device) * spread
        return self._held(model.track_tables()) if self.frozen else lambda: None

    def _held(self, tables: list[Tensor]) -> Callable[[], None]:
        items = self.items.to(tables[0].device)
        kept = [table.detach()[items].clone() for table in tables]

        def still(gradient: Tensor) -> Tensor:
            return gradient.index_fill(0, items, 0)

        def restore() -> None:
            with torch.no_grad():
                for table, rows in zip(tables, kept, strict=True):
                    table.index_copy_(0, items, rows)

        for table in tables:
            table.register_hook(still)  # type: ignore[no-untyped-call]
        return restore


def item_start(
    embeddings: TrackEmbeddings,
    track_ids: Sequence[str],
    width: int,
    *,
    frozen: bool = False,
) -> ItemStart:
    """Fit track embeddings to a catalog and a model's width D.

    Raises:
        ValueError: the file has fewer than two of the catalog's tracks, or gives them one vector.
    """
    found = embeddings.rows(track_ids)
    places = np.flatnonzero(found >= 0)
    if len(places) < 2:
        raise ValueError(
            f"of {len(embeddings)} embedded tracks the training sessions have {len(places)}: "
            f"{embeddings.track_ids[0]!r} … stands there, {track_ids[0]!r} … here; embed the data "
            "set that is trained on"
        )
    rows = brought_to(embeddings.matrix[found[places]], width)
    if not (spread := float(rows.std())) > 0:
        raise ValueError(f"the {len(places)} tracks that both have are embedded as one point")
    return ItemStart(
        items=torch.from_numpy(places + 1),
        rows=torch.from_numpy(rows / spread),
        frozen=frozen,
        record={
            "tracks": len(embeddings),
            "known": len(places),
            "of": len(track_ids),
            "width": embeddings.width,
            "frozen": frozen,
            "about": dict(embeddings.about),
        },
    )


def brought_to(matrix: Floats, width: int) -> Floats:
    """Centre rows and bring them to another width, (n, W) -> (n, D).

    To a narrower one by their principal components, to a wider one by a random rotation of rows
    with zeros behind them, which changes no inner product.
    """
    own = matrix.shape[1]
    centred: Floats = matrix - matrix.mean(axis=0)
    if own == width:
        return centred
    if own > width:
        _, vectors = np.linalg.eigh(centred.T @ centred)  # values rise
        basis = vectors[:, ::-1][:, :width]  # (W, D)
    else:
        drawn = np.random.default_rng(0).standard_normal((width, own))
        basis = np.linalg.qr(drawn)[0].T  # (W, D), its rows orthonormal
    return np.asarray(centred @ basis, dtype=np.float32)


def check_split(embeddings: TrackEmbeddings, split: Split) -> str | None:
    """Refuse embeddings that were learned from sessions held out here; say so where none can tell.

    Raises:
        ValueError: they were learned from another division of the same data.
    """
    if embeddings.about.get("split") is None:
        return (
            "the file of track embeddings does not say from which sessions it was learned: if "
            "those held out here were among them, what evaluation says is too good"
        )
    there, here = Split.of(embeddings.about).record(), split.record()
    if there["data"] == here["data"] and there != here:
        differs = (
            f"{key} {there[key]} there and {here[key]} here"
            for key in here
            if there[key] != here[key]
        )
        raise ValueError(
            f"the track embeddings were learned from another division of {split.data}: "
            f"{', '.join(differs)}; sessions held out here may be in them: embed the same division"
        )
    return None
