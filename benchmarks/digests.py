"""Names for what a kept answer depends on: whatever can be told, and the code by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

_ROOT = Path(__file__).parents[1]


def digest(parts: Iterable[bytes]) -> str:
    """First 16 hex digits of a SHA-256."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part + b"\0")
    return found.hexdigest()[:16]


def code_digest(patterns: Sequence[str]) -> str:
    """Name code by its content; patterns are from the root of the project."""
    files = sorted(path for pattern in patterns for path in _ROOT.glob(pattern))
    return digest(part for path in files for part in (path.name.encode(), path.read_bytes()))
