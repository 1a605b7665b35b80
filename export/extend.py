"""Extends a bundle by tracks that its encoder does not know; the graphs stay as they are.

The ranking takes its matrix as an input, so a track needs no more than a row there to be
recommended. Where such a track stands in a session, the encoder reads a known one in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.bundle import Bundle
from streams.items import Items
from streams.manifest import Manifest, check_name

from .seal import fresh_folder, seal


def extend_bundle(
    bundle: Bundle,
    out: Path,
    *,
    track_ids: Sequence[str],
    rows: NDArray[np.float32],
    bias: NDArray[np.float32] | None,
    reads: NDArray[np.int64],
    titles: Sequence[str | None] = (),
    training: Mapping[str, Any],
    version: str | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Manifest:
    """Write `bundle` with M more tracks as the bundle `out`; counts and second stage stay.

    Args:
        bundle: holds a network.
        out: the new bundle's directory; it must not exist.
        track_ids: of the new tracks, (M,); they follow the bundle's own, with no plays.
        rows: their embeddings in the model's space, (M, D).
        bias: (M,), where the model has one.
        reads: the bundle's item that the encoder reads in the place of each, (M,).
        titles: (M,), for people.
        training: added to what the manifest says of training.
        version: by default the time and the beginning of a hash of the content.
        clock: the time of writing.

    Raises:
        ValueError: `out` exists, the bundle holds no network, or sizes do not fit.
        BundleError: the extended bundle does not verify.
    """
    if version is not None:
        check_name("version", version)
    if bundle.matrix is None or bundle.encoder is None or bundle.rank is None:
        raise ValueError(f"{bundle.path} holds counts alone: it has no embeddings to extend")
    sizes = {len(track_ids), len(rows), len(reads), *([] if bias is None else [len(bias)])}
    if len(sizes) != 1 or (bias is None) != (bundle.bias is None):
        raise ValueError(
            f"got {len(track_ids)} tracks, {len(rows)} rows, {len(reads)} reads and "
            f"{'no' if bias is None else len(bias)} biases, expected one of each, and a bias where "
            "the bundle has one"
        )
    old, count = bundle.catalog, len(track_ids)
    own_titles = old.titles or [None] * len(old)
    some = any(own_titles) or any(titles)
    catalog = replace(
        old,
        track_ids=(*old.track_ids, *track_ids),
        counts=(*old.counts, *[0] * count),
        titles=(*own_titles, *(titles or [None] * count)) if some else (),
    )
    itself = np.arange(len(old) + 1, dtype=np.int64)
    own = itself if bundle.reads is None else bundle.reads
    items = Items(
        matrix=np.concatenate([bundle.matrix, rows]).astype(np.float32),
        bias=None if bundle.bias is None or bias is None else np.concatenate([bundle.bias, bias]),
        reads=np.concatenate([own, own[reads]]),
    )
    manifest = msgspec.structs.replace(
        bundle.manifest,
        parent=bundle.manifest.version,
        catalog_size=len(catalog),
        training={**bundle.manifest.training, **training},
        files={},
        golden=(),
        sweep=msgspec.UNSET,
        tables=msgspec.UNSET,
    )
    with fresh_folder(out) as work:
        (work / "encoder.onnx").write_bytes(bundle.encoder)
        (work / "rank.onnx").write_bytes(bundle.rank)
        return seal(
            work, out, manifest, catalog,
            counts=bundle.counts, items=items,
            second_stage=bundle.second_stage and bundle.second_stage.grown(len(catalog)),
            version=version, now=clock(),
            # The graphs are those that parity was proven for.
            proof=lambda _bundle, _engine: bundle.manifest.parity,
        )  # fmt: skip
