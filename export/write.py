"""Writes a bundle of a model, of counts, or of both: graphs are exported, and proven to rank as
torch does. What every bundle goes through is in seal.py. The learning side's own state (weights to
train on, replay) is not part of a bundle.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from torch import nn

from streams.bundle import Bundle, BundleError
from streams.catalog import Catalog
from streams.counts import TransitionCounts
from streams.items import Items
from streams.manifest import Manifest, check_name
from streams.ranking import Engine
from streams.reranking import TwoStageEngine
from streams.second_stage import SecondStage

from .blend import Blend
from .onnx import export_encoder, export_rank
from .parity import prove_parity
from .seal import fresh_folder, seal

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
    second_stage: SecondStage | None = None,
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
        second_stage: behind a model, over the same catalog; its candidates are the bundle's.
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
    if model is None and counts is None:
        raise ValueError("expected a model, transition counts or both for one bundle")
    both = model is not None and counts is not None
    if both != (weight is not None) or (weight is not None and not 0 < weight < math.inf):
        raise ValueError(
            f"weight is {weight}, expected one above 0 for counts beside a model, and none for one "
            "of the two alone"
        )
    if second_stage is not None:
        _check_second_stage(second_stage, model, len(catalog))
    if len(catalog) < 2:
        raise ValueError("catalog has one track, expected two or more: the current one is masked")
    now = clock()
    with fresh_folder(out) as work:
        manifest = Manifest(
            name=name,
            version="unnamed",
            parent=parent,
            architecture=architecture,
            config=dict(config),
            catalog_size=len(catalog),
            length=1 if model is None else _length(length, config),
            width=0,
            cutoff=min(second_stage.candidates if second_stage else CUTOFF, len(catalog)),
            files={},
            training=dict(training),
            metrics=dict(metrics),
            parity=None,
            golden=(),
            created_at="",
        )
        items = None
        if model is not None:
            items = _items(model, len(catalog))
            manifest = msgspec.structs.replace(manifest, width=items.matrix.shape[1])
            export_encoder(model, manifest.length, work / "encoder.onnx")
            export_rank(
                manifest.width,
                manifest.cutoff,
                work / "rank.onnx",
                bias=items.bias is not None,
                weight=weight,
            )

        def proof(bundle: Bundle, engine: Engine) -> float | None:
            if model is None or items is None:
                return None
            blend = None if counts is None or weight is None else Blend(counts, weight)
            engine = engine.first if isinstance(engine, TwoStageEngine) else engine
            return prove_parity(model, engine, items.matrix, items.bias, blend=blend).worst

        return seal(
            work, out, manifest, catalog,
            counts=counts, items=items, second_stage=second_stage, version=version, now=now,
            proof=proof,
        )  # fmt: skip


def _check_second_stage(second: SecondStage, model: nn.Module | None, size: int) -> None:
    if model is None:
        raise ValueError("a second stage stands behind a model, got counts alone")
    if second.candidates < CUTOFF or len(second.skips) != size + 1:
        raise ValueError(
            f"the second stage was fitted on {second.candidates} candidates of "
            f"{len(second.skips) - 1} tracks, expected {CUTOFF} or more, which a bundle gives, of "
            f"{size}"
        )


def _length(length: int | None, config: Mapping[str, Any]) -> int:
    found = config.get("length") if length is None else length
    if not isinstance(found, int) or found < 1:
        raise ValueError(f"length is {found!r}, expected T, how many occurrences the encoder reads")
    return found


def _items(model: nn.Module, size: int) -> Items:
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
    return Items(matrix, None if bias is None else bias.cpu().float().numpy().copy())
