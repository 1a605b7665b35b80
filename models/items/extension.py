"""A bundle with more tracks: those that a file of track embeddings has and training never saw.

The encoder is not touched (export/extend.py); where the new tracks stand in the model's space is
cold_tracks.py's to say. The learner beside the bundle is extended in the same way, so that
fine-tuning goes on with all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from export.extend import extend_bundle
from streams.bundle import Bundle, open_bundle
from streams.manifest import Manifest

from ..checkpoint import learner_directory, load_learner, save_learner
from ..split import Split
from ..version import version_for
from .cold_tracks import Floats, Ints, Placed, Placing, place
from .item_start import check_split
from .track_embeddings import TrackEmbeddings


@dataclass(frozen=True)
class Extension:
    """What was written."""

    manifest: Manifest
    learner: Path | None
    added: int
    known: int  # tracks of the bundle that the file has too
    warning: str | None


def extend(
    path: Path,
    embeddings: TrackEmbeddings,
    out: Path,
    *,
    by: Placing = "map",
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Extension:
    """Write the bundle at `path` with the file's further tracks as the bundle `out`.

    Raises:
        ValueError: `out` exists, the file has no further track, too few that the bundle knows, or
            sessions in it that the bundle's split holds out.
        BundleError: a bundle is damaged.
    """
    bundle = open_bundle(path)
    version = version_for(out, bundle.manifest.name)
    split = bundle.manifest.training.get("split")
    warning = None if split is None else check_split(embeddings, Split.of({"split": split}))
    cold = [track for track in embeddings.track_ids if track not in bundle.catalog.index]
    if not cold:
        raise ValueError(
            f"the bundle's {len(bundle.catalog)} tracks are all that the file has: nothing to add"
        )
    known = known_items(bundle, embeddings)
    placed = placed_in(bundle, embeddings, known, embeddings.rows(cold), by)
    width = bundle.manifest.width
    rows = placed.rows[:, :width]
    bias = None if bundle.bias is None else placed.rows[:, width]
    manifest = extend_bundle(
        bundle,
        out,
        track_ids=cold,
        rows=rows,
        bias=bias,
        reads=known[placed.nearest],
        training={
            "extended": {
                "tracks": len(cold),
                "known": len(known),
                "by": by,
                "about": dict(embeddings.about),
            }
        },
        version=version,
        clock=clock,
    )
    learner = _extended_learner(path, out, cold, rows, bias, manifest)
    return Extension(manifest, learner, len(cold), len(known), warning)


def known_items(bundle: Bundle, embeddings: TrackEmbeddings) -> Ints:
    """Give the items of a bundle, as its encoder knows them, that a file has too."""
    items = np.flatnonzero(embeddings.rows(bundle.catalog.track_ids) >= 0) + 1
    return items if bundle.reads is None else items[bundle.reads[items] == items]


def placed_in(
    bundle: Bundle, embeddings: TrackEmbeddings, known: Ints, cold: Ints, by: Placing
) -> Placed:
    """Place rows of a file in a bundle's space; a bias is the last column of what comes out.

    `known` (n,) are items of the bundle that may be leaned on, `cold` (M,) rows of the file.

    Raises:
        ValueError: the bundle holds no network, or fewer than two tracks are known.
    """
    if bundle.matrix is None:
        raise ValueError(f"{bundle.path} holds counts alone: it has no embeddings to extend")
    theirs: Floats = bundle.matrix
    if bundle.bias is not None:
        theirs = np.concatenate([theirs, bundle.bias[:, None]], axis=1)
    found = embeddings.rows([bundle.catalog.track_ids[item - 1] for item in known.tolist()])
    return place(embeddings.matrix[found], theirs[known], embeddings.matrix[cold], by)


def _extended_learner(
    path: Path,
    out: Path,
    cold: list[str],
    rows: Floats,
    bias: Floats | None,
    manifest: Manifest,
) -> Path | None:
    if not learner_directory(path).is_dir():
        return None
    learner = load_learner(learner_directory(path))
    own = learner.model.item_embedding.weight.detach()
    model = learner.model.grown(torch.cat([own, torch.from_numpy(rows)])).eval()
    if bias is not None and model.item_bias is not None:
        with torch.no_grad():
            model.item_bias[len(own) :] = torch.from_numpy(bias)
    directory = learner_directory(out)
    save_learner(
        directory,
        model,
        (*learner.track_ids, *cold),
        loss=learner.loss,
        replay=learner.replay,
        anchor=learner.anchor,
        training=manifest.training,
        counted=learner.counted,
    )
    return directory
