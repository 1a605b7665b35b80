"""What every bundle goes through before it gets its name: hashed, asked, verified, synced, renamed.

What is there under its final name is complete: a crash leaves only a hidden folder beside it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from streams.bundle import Bundle, open_bundle
from streams.catalog import Catalog
from streams.continuations import CONTINUATIONS
from streams.counts import TransitionCounts
from streams.golden import ask
from streams.items import ITEMS, Items
from streams.manifest import FileRecord, Manifest
from streams.ranking import Engine, History
from streams.scoring import load_scorer, make_engine
from streams.second_stage import RERANK, SecondStage
from streams.settings import ScoringSettings
from streams.sweep import sweep
from streams.tables import CATALOG, COUNTS, tables_sha256

Proof = Callable[[Bundle, Engine], float | None]
"""Gives the parity of a bundle that is there and can be asked."""


@contextmanager
def fresh_folder(out: Path) -> Iterator[Path]:
    """Give a hidden folder beside `out`, which is gone when the block ends with an error.

    Raises:
        ValueError: `out` exists.
    """
    if out.exists():
        raise ValueError(f"bundle {out} exists; a bundle is never changed: give another directory")
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        work.chmod(0o755)
        yield work
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


def seal(
    work: Path,
    out: Path,
    manifest: Manifest,
    catalog: Catalog,
    *,
    counts: TransitionCounts | None,
    items: Items | None,
    second_stage: SecondStage | None,
    version: str | None,
    now: datetime,
    proof: Proof,
) -> Manifest:
    """Make a bundle of the graphs in `work` and these tables, and give it the name `out`.

    The manifest's files, tables, version, golden answers, sweep and parity are filled in.

    Raises:
        BundleError: it does not verify.
        ValueError: `out` has appeared.
    """
    if second_stage is not None and items is not None:
        items = items._replace(skips=second_stage.skips)
        (work / RERANK).write_bytes(second_stage.graph)
        (work / CONTINUATIONS).write_bytes(second_stage.continuations.to_parquet())
    if items is not None:
        (work / ITEMS).write_bytes(items.to_safetensors())
    if counts is not None:
        (work / COUNTS).write_bytes(counts.to_parquet())
    (work / CATALOG).write_bytes(catalog.to_parquet())
    files = {file.name: _record(file) for file in sorted(work.iterdir())}
    content = hashlib.sha256("".join(f.sha256 for f in files.values()).encode()).hexdigest()
    manifest = msgspec.structs.replace(
        manifest,
        files=files,
        tables=tables_sha256(catalog, counts, items, second_stage),
        second_stage=msgspec.UNSET if second_stage is None else second_stage.record(),
        version=version or f"{now:%Y%m%d-%H%M%S}-{content[:8]}",
        created_at=now.isoformat(timespec="seconds").replace("+00:00", "Z"),
    )
    (work / "manifest.json").write_bytes(manifest.encode())
    bundle = open_bundle(work)
    engine = make_engine(bundle, ScoringSettings(provider="cpu"))
    manifest = msgspec.structs.replace(
        manifest,
        parity=proof(bundle, engine),
        golden=ask(bundle, engine, golden_histories(catalog, manifest.length)),
        sweep=sweep(bundle, engine),
    )
    (work / "manifest.json").write_bytes(manifest.encode())
    load_scorer(work, ScoringSettings(k=1, provider="cpu", buckets=(1, 8)))
    _settle(work, out)
    return manifest


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
