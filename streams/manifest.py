"""What a bundle says of itself: `manifest.json`, its records and its checks on itself.

Not the check of the other files against it: that is bundle.py.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec

SCHEMA = 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Names and versions are folders, message keys and metric labels: nothing else may be in them."""


REFUSALS = (
    "missing",  # a file or the folder is not there, or cannot be read
    "size",  # cut, or still being copied
    "hash",  # changed since it was written, or not what was announced
    "manifest",
    "catalog",
    "matrix",
    "counts",
    "tables",  # sound in themselves, but not what the writer had
    "graph",
    "runtime",  # ONNX Runtime does not take it
    "golden",  # other answers than it was written with
    "slow",
    "unfit",  # sound, but not for these settings
    "internal",  # a defect of ours: nobody foresaw it
)
"""Every reason for which a bundle is refused; a metric's label."""


class BundleError(RuntimeError):
    """A bundle is damaged, incomplete, foreign or gives other answers than it was written with.

    `reason` is one of REFUSALS, the message is for people.
    """

    def __init__(self, message: str, reason: str = "unfit") -> None:
        super().__init__(message)
        self.reason = reason


class FileRecord(msgspec.Struct, frozen=True):
    """One file of the bundle, as it was written."""

    sha256: str
    size: int  # bytes


class Golden(msgspec.Struct, frozen=True):
    """A history and the answer that the writer's own sessions gave to it."""

    history: tuple[tuple[str, int], ...]  # (track_id, outcome), oldest first
    answer: tuple[tuple[str, float], ...]  # (track_id, score), best first


class SecondStageRecord(msgspec.Struct, frozen=True):
    """What puts the candidates in a new order (second_stage.py)."""

    features: int  # version of what it is told of each
    candidates: int  # that it was fitted on; `cutoff` is as many, or all tracks


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a reader must know before it opens another file of the bundle."""

    schema: int = SCHEMA
    name: str
    version: str
    parent: str | None  # version that this one was fine-tuned from
    architecture: str
    config: dict[str, Any]  # of the architecture, for people and for the learning side
    catalog_size: int  # N; items are 1..N
    length: int  # T: newest occurrences of a session that the encoder reads
    width: int  # D; 0 in a bundle of counts alone
    cutoff: int  # K: candidates the bundle gives
    files: dict[str, FileRecord]
    training: dict[str, Any]  # range and source of the data
    metrics: dict[str, Any]
    parity: float | None  # largest |torch - ONNX Runtime| of a score; null without a network
    golden: tuple[Golden, ...]
    created_at: str  # RFC 3339
    second_stage: SecondStageRecord | msgspec.UnsetType = msgspec.UNSET  # absent without one
    # Both are absent where an older writer made it: only what is there is part of its one form.
    sweep: tuple[float, ...] | msgspec.UnsetType = msgspec.UNSET  # by item; see sweep.py
    tables: str | msgspec.UnsetType = msgspec.UNSET  # by value; see tables.py
    digest: str = ""  # sha256 of the manifest as written with this field empty

    def encode(self) -> bytes:
        """Give the one byte form of the manifest, its digest renewed."""
        plain = msgspec.structs.replace(self, digest="")
        digest = hashlib.sha256(_bytes_of(plain)).hexdigest()
        return _bytes_of(msgspec.structs.replace(self, digest=digest))


class _Header(msgspec.Struct):
    schema: int


def decode_manifest(raw: bytes) -> Manifest:
    """Read a manifest; every changed bit is noticed, because only one byte form is accepted.

    Raises:
        BundleError: not JSON, of another schema, a field missing, or changed since it was written.
    """
    try:
        schema = msgspec.json.decode(raw, type=_Header).schema
        if schema != SCHEMA:
            raise BundleError(
                f"manifest.json has schema {schema}, this version reads {SCHEMA}; "
                "export the bundle again, or upgrade the reader",
                "manifest",
            )
        manifest = msgspec.json.decode(raw, type=Manifest)
        canonical = manifest.encode()
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as err:
        raise BundleError(
            f"manifest.json ({len(raw)} bytes) cannot be read: {err}; copy the bundle again",
            "manifest",
        ) from err
    if raw != canonical:
        raise BundleError(
            "manifest.json was changed after it was written: its digest is "
            f"{manifest.digest[:12]!r}, its content gives another; copy the bundle again",
            "manifest",
        )
    return manifest


def check_name(what: str, name: str) -> None:
    """Refuse a name or version that is no safe folder, message key and label.

    Raises:
        ValueError: it has other characters or is too long.
    """
    if not NAME.fullmatch(name):
        raise ValueError(
            f"{what} {name!r}: expected 1 to 64 of A-Z a-z 0-9 . _ -, "
            "beginning with a letter or digit"
        )


def _bytes_of(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
