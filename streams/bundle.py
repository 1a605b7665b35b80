"""Opens a bundle: every file is read once, compared with the manifest, and checked for what it is.

No runtime starts here: scoring.py loads the sessions from these bytes and asks the golden
questions. Files that the manifest does not name are ignored, because nothing ever opens them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from .catalog import Catalog
from .continuations import CONTINUATIONS
from .counts import TransitionCounts
from .graph import FLOAT, INT64, Ports, check_graph
from .items import ITEMS, Items, read_items
from .manifest import BundleError, Manifest, check_name, decode_manifest
from .second_stage import (
    FILES,
    RERANK,
    SecondStage,
    check_record,
    rerank_ports,
)
from .tables import CATALOG, COUNTS, read_catalog, read_continuations, read_counts, tables_sha256

__all__ = ["Bundle", "BundleError", "Manifest", "open_bundle"]

NETWORK = ("encoder.onnx", "rank.onnx", ITEMS)
_MANIFEST_LIMIT = 16 << 20  # bytes; a manifest is kilobytes, and its size is not known beforehand
_GRAPH_LIMIT = 2 << 30  # bytes; protobuf ends here


@dataclass(frozen=True, eq=False)
class Bundle:
    """A verified bundle: a network, transition counts, or both, and perhaps a second stage."""

    path: Path
    manifest: Manifest
    sha256: str  # of manifest.json: what an announcement carries
    catalog: Catalog
    encoder: bytes | None = None
    rank: bytes | None = None
    matrix: NDArray[np.float32] | None = None  # (N + 1, D), row 0 is padding
    bias: NDArray[np.float32] | None = None  # (N + 1,)
    reads: NDArray[np.int64] | None = None  # (N + 1,) item that the encoder reads in place of each
    counts: TransitionCounts | None = None
    second_stage: SecondStage | None = None


def open_bundle(path: Path, sha256: str | None = None) -> Bundle:
    """Open a bundle and verify everything that needs no runtime.

    Args:
        path: the bundle's directory.
        sha256: what the manifest must hash to, when an announcement said so.

    Raises:
        BundleError: a file is missing, cut, changed, or not what its place asks for.
    """
    if not path.is_dir():
        raise BundleError(
            f"{path} is not a directory; give the directory that holds manifest.json", "missing"
        )
    raw = _read(path / "manifest.json", _MANIFEST_LIMIT)
    digest = hashlib.sha256(raw).hexdigest()
    if sha256 is not None and digest != sha256:
        raise BundleError(
            f"{path}: manifest.json has sha256 {digest[:12]}…, {sha256[:12]}… was announced; "
            "copy the announced bundle there",
            "hash",
        )
    try:
        manifest = decode_manifest(raw)
        _check_manifest(manifest)
        return _opened(path, manifest, digest)
    except BundleError as err:
        raise BundleError(f"{path}: {err}", err.reason) from err
    except ValueError as err:
        raise BundleError(f"{path}: {err}", "internal") from err


def _check_manifest(manifest: Manifest) -> None:
    try:
        check_name("name", manifest.name)
        check_name("version", manifest.version)
    except ValueError as err:
        raise BundleError(str(err), "manifest") from err
    files = set(manifest.files)
    if extra := sorted(files - {*NETWORK, COUNTS, CATALOG, *FILES}):
        raise BundleError(
            f"manifest.json names {extra[0]!r}, which is no part of a bundle", "manifest"
        )
    network = files.intersection(NETWORK)
    check_record(manifest, files)
    if manifest.second_stage and not network:
        raise BundleError("manifest.json has a second stage behind no network", "manifest")
    if CATALOG not in files or len(network) in (1, 2) or not files - {CATALOG}:
        raise BundleError(
            f"manifest.json names {sorted(files)}, expected {CATALOG} with "
            f"{', '.join(NETWORK)}, with {COUNTS} or with both; export it again",
            "manifest",
        )
    if manifest.length < 1 or manifest.cutoff < 1 or (network and manifest.width < 1):
        raise BundleError(
            f"manifest.json has length {manifest.length}, width {manifest.width} and cutoff "
            f"{manifest.cutoff}, expected 1 or more",
            "manifest",
        )


def _opened(path: Path, manifest: Manifest, digest: str) -> Bundle:
    files = {name: _verified(path, name, manifest) for name in manifest.files}
    catalog = read_catalog(files[CATALOG])
    if len(catalog) != manifest.catalog_size:
        raise BundleError(
            f"{CATALOG} has {len(catalog)} tracks, the manifest says {manifest.catalog_size}",
            "catalog",
        )
    if manifest.cutoff > len(catalog):
        raise BundleError(
            f"cutoff {manifest.cutoff} is over the {len(catalog)} tracks there are", "manifest"
        )
    items = counts = None
    if NETWORK[0] in files:
        items = read_items(files[ITEMS], manifest)
        inputs, outputs = encoder_ports(manifest.length, manifest.width)
        check_graph("encoder.onnx", files["encoder.onnx"], inputs, outputs)
        inputs, outputs = rank_ports(
            manifest.width, manifest.cutoff, items.bias is not None, blended=COUNTS in files
        )
        check_graph("rank.onnx", files["rank.onnx"], inputs, outputs)
    if COUNTS in files:
        counts = read_counts(files[COUNTS], len(catalog))
        if counts.reach > (manifest.length if items is not None else 1):
            raise BundleError(
                f"{COUNTS} reaches {counts.reach} steps back, more than are read; export it again",
                "counts",
            )
    second = _second_stage(files, manifest, items)
    found = tables_sha256(catalog, counts, items, second)
    if manifest.tables not in (msgspec.UNSET, found):
        raise BundleError(
            "catalog, counts, matrix or second stage read otherwise than the writer had them; "
            "export it again",
            "tables",
        )
    encoder, rank = files.get("encoder.onnx"), files.get("rank.onnx")
    parts = {} if items is None else items._asdict()
    parts.pop("skips", None)
    return Bundle(
        path, manifest, digest, catalog, encoder, rank,
        counts=counts, second_stage=second, **parts,
    )  # fmt: skip


def _second_stage(
    files: Mapping[str, bytes], manifest: Manifest, items: Items | None
) -> SecondStage | None:
    record = manifest.second_stage
    if isinstance(record, msgspec.UnsetType) or items is None:
        return None
    if items.skips is None:
        raise BundleError(f"{ITEMS} has no skips, which the second stage reads", "matrix")
    check_graph(RERANK, files[RERANK], *rerank_ports())
    continuations = read_continuations(files[CONTINUATIONS], manifest.catalog_size)
    return SecondStage(files[RERANK], continuations, items.skips, record.candidates)


def encoder_ports(length: int, width: int) -> tuple[Ports, Ports]:
    """Inputs and outputs that `encoder.onnx` must have."""
    occurrences = (INT64, ("B", length))
    inputs = {"items": occurrences, "outcomes": occurrences, "lengths": (INT64, ("B",))}
    return inputs, {"session": (FLOAT, ("B", width))}


def rank_ports(
    width: int, cutoff: int, bias: bool, *, blended: bool = False
) -> tuple[Ports, Ports]:
    """Inputs and outputs that `rank.onnx` must have; the catalog's size stays open in it."""
    inputs: dict[str, tuple[int, tuple[int | str, ...]]] = {
        "session": (FLOAT, ("B", width)),
        "matrix": (FLOAT, ("N", width)),
        "exclude": (INT64, ("B", "M")),
    }
    if bias:
        inputs["bias"] = (FLOAT, ("N",))
    if blended:
        inputs |= {"followers": (INT64, ("B", "S")), "weights": (FLOAT, ("B", "S"))}
    return inputs, {"scores": (FLOAT, ("B", cutoff)), "candidates": (INT64, ("B", cutoff))}


def _verified(path: Path, name: str, manifest: Manifest) -> bytes:
    """Read a file once; what is hashed here is what is loaded later."""
    record = manifest.files[name]
    limit = _GRAPH_LIMIT if name.endswith(".onnx") else record.size
    raw = _read(path / name, min(record.size, limit))
    if len(raw) != record.size:
        raise BundleError(
            f"{name} has {len(raw)} bytes, the manifest says {record.size}: it was cut or is "
            "still being copied; copy it again",
            "size",
        )
    digest = hashlib.sha256(raw).hexdigest()
    if digest != record.sha256:
        raise BundleError(
            f"{name} has sha256 {digest[:12]}…, the manifest says {record.sha256[:12]}…: it was "
            "changed or damaged; copy it again",
            "hash",
        )
    return raw


def _read(file: Path, limit: int) -> bytes:
    try:
        if not file.is_file():
            raise BundleError(
                f"{file.name} is missing in {file.parent}; copy the whole bundle", "missing"
            )
        with file.open("rb") as stream:
            raw = stream.read(limit + 1)
    except OSError as err:
        raise BundleError(f"{file} cannot be read: {err}", "missing") from err
    if len(raw) > limit:
        raise BundleError(
            f"{file.name} has more than the {limit} bytes expected: it is not the file that was "
            "written; copy it again",
            "size",
        )
    return raw
