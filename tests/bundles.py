"""Small bundles for tests: written once a process by the real writer, placed where a test wants."""

import functools
import hashlib
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch import nn

from export.rerank import rerank_graph
from export.write import write_bundle
from models.counting.ngrams import continuations
from models.second_stage.candidates import skip_rates
from models.second_stage.rerank import Reranker
from models.sessions import Sessions
from streams.catalog import Catalog
from streams.counts import TransitionCounts
from streams.manifest import FileRecord, decode_manifest
from streams.second_stage import SecondStage

TRACKS, WIDTH, LENGTH = 150, 8, 6
WRITTEN_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

Files = dict[str, bytes]


class TinyEncoder(nn.Module):
    """The smallest module of the export signature: a mean of embeddings, and a bias per item."""

    def __init__(self, tracks: int = TRACKS, width: int = WIDTH, length: int = LENGTH) -> None:
        super().__init__()
        self.item_embedding = nn.Embedding(tracks + 1, width, padding_idx=0)
        self.outcome_embedding = nn.Embedding(5, width)
        self.position = nn.Parameter(torch.randn(length, width))
        self.item_bias = nn.Parameter(torch.randn(tracks + 1))

    def forward(
        self, items: torch.Tensor, outcomes: torch.Tensor, lengths: torch.Tensor
    ) -> torch.Tensor:
        x = self.item_embedding(items) + self.outcome_embedding(outcomes)  # (B, T, D)
        x = torch.tanh(x + self.position)  # the order of a session matters
        mask = torch.arange(items.shape[1]) < lengths[:, None]
        mean: torch.Tensor = (x * mask[..., None]).sum(1) / lengths[:, None]
        return mean


def catalog(tracks: int = TRACKS) -> Catalog:
    """Tracks t1..tN; counts rise and fall, so that popularity is not the order of items."""
    return Catalog(
        track_ids=tuple(f"t{item}" for item in range(1, tracks + 1)),
        counts=tuple((item * 37) % 101 for item in range(1, tracks + 1)),
    )


def tiny_model(seed: int = 0, **sizes: int) -> TinyEncoder:
    torch.manual_seed(seed)
    return TinyEncoder(**sizes)


def _written(**parts: Any) -> Files:
    """Write a bundle and give its files; `parts` are those of `write_bundle`."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "bundle"
        write_bundle(out, **{"metrics": {}, "training": {}, **parts}, clock=lambda: WRITTEN_AT)
        return {file.name: file.read_bytes() for file in out.iterdir()}


@functools.cache
def network_files(seed: int = 0) -> Files:
    """A network bundle named `tiny`; its export takes seconds, so it is made once."""
    return _written(
        name="tiny",
        version=f"v{seed}",
        architecture="TinyEncoder",
        config={"length": LENGTH},
        catalog=catalog(),
        model=tiny_model(seed),
        metrics={"hit_rate@10": 0.5},
        training={"source": "made for tests"},
    )


@functools.cache
def counts_files(tracks: int = 12) -> Files:
    """A bundle of counts alone: t1 -> t2 (3), t3 (5); t2 -> t1 (1)."""
    counts = TransitionCounts(
        sources=np.array([1, 1, 2], dtype=np.int32),
        targets=np.array([2, 3, 1], dtype=np.int32),
        weights=np.array([3, 5, 1], dtype=np.float32),
    )
    return _written(
        name="markov",
        version="v0",
        architecture="Markov",
        config={},
        catalog=catalog(tracks),
        counts=counts,
    )


def tiny_counts() -> TransitionCounts:
    """After t1 came t2 and t3, two steps after t2 came t3 and t7; and t2 stood near t8."""
    return TransitionCounts(
        sources=np.array([1, 1, 2, 2, 2], dtype=np.int32),
        targets=np.array([2, 3, 3, 7, 8], dtype=np.int32),
        weights=np.array([30, 1, 20, 0.5, 4], dtype=np.float32),
        lags=np.array([1, 1, 2, 2, 0], dtype=np.int32),
    )


@functools.cache
def hybrid_files() -> Files:
    """The network of `network_files`, and counts beside it."""
    return _hybrid(name="hybrid")


@functools.cache
def two_stage_files() -> Files:
    """The network and counts of `hybrid_files`, and a second stage behind them."""
    return _hybrid(name="two-stage", second_stage=tiny_second_stage())


def _hybrid(**more: Any) -> Files:
    return _written(
        version="v0",
        architecture="hybrid",
        config={"length": LENGTH},
        catalog=catalog(),
        model=tiny_model(),
        counts=tiny_counts(),
        weight=3.0,
        **more,
    )


def tiny_second_stage(tracks: int = TRACKS) -> SecondStage:
    """A perceptron that was never fitted, and what it is told by."""
    torch.manual_seed(0)
    model = Reranker(8, 0.0)
    nn.init.normal_(model.linear.weight, std=0.3)
    nn.init.normal_(model.output.weight, std=0.3)
    rng = np.random.default_rng(0)
    heard = rng.integers(1, tracks + 1, 600).astype(np.int32)
    sessions = Sessions(
        catalog(tracks).track_ids, tuple(map(str, range(60))), np.arange(0, 601, 10), heard,
        rng.integers(0, 5, 600).astype(np.int8),
    )  # fmt: skip
    return SecondStage(rerank_graph(model), continuations(sessions, 5), skip_rates(sessions), 100)


def place(files: Files, directory: Path) -> Path:
    """Write the files of a bundle into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, raw in files.items():
        (directory / name).write_bytes(raw)
    return directory


def signed(files: Files, /, **changes: Any) -> Files:
    """Give the files with a manifest that fits them, as a wrong or hostile writer would."""
    manifest = decode_manifest(files["manifest.json"])
    records = {
        name: FileRecord(sha256=hashlib.sha256(raw).hexdigest(), size=len(raw))
        for name, raw in files.items()
        if name != "manifest.json"
    }
    manifest = msgspec.structs.replace(manifest, **{"files": records, **changes})
    return {**files, "manifest.json": manifest.encode()}
