"""Writes a bundle: graphs, matrix, catalog, golden answers, manifest; proven, then renamed.

What is there under its final name is complete: a crash leaves only a hidden folder beside it.
The learning side's own state (weights to train on, replay) is not part of a bundle.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from torch import nn

from streams.bundle import Bundle, BundleError, open_bundle
from streams.catalog import Catalog
from streams.counts import TransitionCounts
from streams.golden import ask
from streams.manifest import FileRecord, Manifest, check_name
from streams.ranking import History
from streams.scoring import load_scorer, make_engine
from streams.settings import ScoringSettings
from streams.sweep import sweep
from streams.tables import tables_sha256

from .blend import Blend
from .onnx import export_encoder, export_rank
from .parity import prove_parity

CUTOFF = 100  # K: candidates that a bundle gives at most


def write_bundle(
    out: Path,
    *,
    name: str,
    architecture: str,
    config: Mapping[str, Any],
    catalog: Catalog,
    model: nn.Module | None = None,
    counts: TransitionCounts | None = None,
    weight: float | None = None,
    length: int | None = None,
    metrics: Mapping[str, Any],
    training: Mapping[str, Any],
    version: str | None = None,
    parent: str | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Manifest:
    """Export a model, transition counts, or both in one, as the bundle `out`.

    Args:
        out: the bundle's directory; it must not exist.
        name: of the model line, such as `sasrec`.
        architecture: what `config` configures.
        config: the architecture's own settings; `length` is taken from it if not given.
        catalog: its item i is row i of the model's `item_embedding`.
        model: `forward(items, outcomes, lengths)` gives the session; `item_embedding.weight` is
            the matrix, and a tensor `item_bias` (N + 1), where there is one, the bias.
        counts: of a bundle without a network, or beside it.
        weight: of the counts beside a network, above 0.
        length: T, how many newest occurrences the encoder reads.
        metrics: what evaluation said of it.
        training: range and source of the data.
        version: by default the time and the beginning of a hash of the content.
        parent: version that this one was fine-tuned from.
        clock: the time of writing.

    Raises:
        ValueError: `out` exists, neither model nor counts, both without a weight, or sizes do not
            fit.
        BundleError: weights are not finite, parity fails, or the bundle does not verify.
    """
    check_name("name", name)
    if version is not None:
        check_name("version", version)
    if out.exists():
        raise ValueError(f"bundle {out} exists; a bundle is never changed: give another directory")
    if model is None and counts is None:
        raise ValueError("expected a model, transition counts or both for one bundle")
    both = model is not None and counts is not None
    if both != (weight is not None) or (weight is not None and not 0 < weight < math.inf):
        raise ValueError(
            f"weight is {weight}, expected one above 0 for counts beside a model, and none for one "
            "of the two alone"
        )
    if len(catalog) < 2:
        raise ValueError("catalog has one track, expected two or more: the current one is masked")
    now = clock()
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        work.chmod(0o755)
        manifest = Manifest(
            name=name,
            version="unnamed",
            parent=parent,
            architecture=architecture,
            config=dict(config),
            catalog_size=len(catalog),
            length=1 if model is None else _length(length, config),
            width=0,
            cutoff=min(CUTOFF, len(catalog)),
            files={},
            training=dict(training),
            metrics=dict(metrics),
            parity=None,
            golden=(),
            created_at=now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        )
        matrix = bias = None
        if model is not None:
            matrix, bias = _items(model, len(catalog))
            manifest = msgspec.structs.replace(manifest, width=matrix.shape[1])
            _write_network(work, model, matrix, bias, manifest, weight)
        if counts is not None:
            (work / "counts.parquet").write_bytes(counts.to_parquet())
        (work / "catalog.parquet").write_bytes(catalog.to_parquet())
        files = {file.name: _record(file) for file in sorted(work.iterdir())}
        content = hashlib.sha256("".join(f.sha256 for f in files.values()).encode()).hexdigest()
        manifest = msgspec.structs.replace(
            manifest,
            files=files,
            tables=tables_sha256(catalog, counts, matrix, bias),
            version=version or f"{now:%Y%m%d-%H%M%S}-{content[:8]}",
        )
        (work / "manifest.json").write_bytes(manifest.encode())
        manifest = _proven(open_bundle(work), model, matrix, bias, weight)
        (work / "manifest.json").write_bytes(manifest.encode())
        load_scorer(work, ScoringSettings(k=1, provider="cpu", buckets=(1, 8)))
        _settle(work, out)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return manifest


def _length(length: int | None, config: Mapping[str, Any]) -> int:
    found = config.get("length") if length is None else length
    if not isinstance(found, int) or found < 1:
        raise ValueError(f"length is {found!r}, expected T, how many occurrences the encoder reads")
    return found


def _items(model: nn.Module, size: int) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Give matrix and bias, the padding's row zero; refuse what is not finite or does not fit."""
    for name, weights in model.named_parameters():
        if not weights.isfinite().all():
            raise BundleError(f"weights {name!r} are not finite; the training failed: train again")
    state = model.state_dict()
    matrix = state["item_embedding.weight"].cpu().float().numpy().copy()
    if matrix.shape[0] != size + 1:
        raise ValueError(
            f"item_embedding has {matrix.shape[0]} rows, expected {size + 1}: one for each track "
            "of the catalog and row 0 for padding"
        )
    matrix[0] = 0
    bias = state.get("item_bias")
    return matrix, None if bias is None else bias.cpu().float().numpy().copy()


def _write_network(
    work: Path,
    model: nn.Module,
    matrix: NDArray[np.float32],
    bias: NDArray[np.float32] | None,
    manifest: Manifest,
    weight: float | None,
) -> None:
    export_encoder(model, manifest.length, work / "encoder.onnx")
    rank, has_bias = work / "rank.onnx", bias is not None
    export_rank(manifest.width, manifest.cutoff, rank, bias=has_bias, weight=weight)
    tensors = {"matrix": matrix} if bias is None else {"matrix": matrix, "bias": bias}
    (work / "items.safetensors").write_bytes(safetensors.numpy.save(tensors))


def _proven(
    bundle: Bundle,
    model: nn.Module | None,
    matrix: NDArray[np.float32] | None,
    bias: NDArray[np.float32] | None,
    weight: float | None,
) -> Manifest:
    """Prove parity and record the golden answers, through the sessions that serve."""
    engine = make_engine(bundle, ScoringSettings(provider="cpu"))
    parity = None
    if model is not None and matrix is not None:
        counts = bundle.counts
        blend = None if counts is None or weight is None else Blend(counts, weight)
        parity = prove_parity(model, engine, matrix, bias, blend=blend).worst
    golden = ask(bundle, engine, golden_histories(bundle.catalog, bundle.manifest.length))
    return msgspec.structs.replace(
        bundle.manifest, golden=golden, sweep=sweep(bundle, engine), parity=parity
    )


def golden_histories(catalog: Catalog, length: int) -> list[History]:
    """Choose histories of 1, 2, half, all and more than T occurrences; the same ones every time."""
    lengths = sorted({1, 2, max(1, length // 2), length, length + 3})
    return [
        [
            (catalog.track_ids[(7919 * row + 104729 * i) % len(catalog)], (row + i) % 5)
            for i in range(count)
        ]
        for row, count in enumerate(lengths)
    ]


def _record(file: Path) -> FileRecord:
    raw = file.read_bytes()
    return FileRecord(sha256=hashlib.sha256(raw).hexdigest(), size=len(raw))


def _settle(work: Path, out: Path) -> None:
    """Bring everything to the disk, then give it its name, then bring the name to the disk."""
    for path in (*work.iterdir(), work):
        _sync(path)
    if out.exists():
        raise ValueError(f"bundle {out} appeared while it was written; give another directory")
    work.rename(out)
    _sync(out.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
