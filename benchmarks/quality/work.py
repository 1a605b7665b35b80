"""The work folder: an outcome is kept when it is made, so that an interrupted run goes on from it.

An outcome is found again by all that it depends on: data, split, protocols, seed, the contestant's
configuration, and the code that learns and judges.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .outcome import Outcome

_ROOT = Path(__file__).parents[2]
_CODE = ("models/**/*.py", "streams/counts.py", "benchmarks/quality/contestants.py",
         "benchmarks/quality/data.py", "benchmarks/quality/outcome.py")  # fmt: skip


@dataclass(frozen=True)
class Work:
    """Outcomes of earlier runs; `any_code` takes those of other code too."""

    folder: Path
    code: str
    any_code: bool = False

    def find(self, name: str, config: Mapping[str, Any]) -> Outcome | None:
        """Give the outcome of this configuration, if there is one: the newest."""
        code = "*" if self.any_code else self.code
        found = sorted(
            self.folder.glob(f"{self._stem(name, config)}.{code}.npz"),
            key=lambda path: path.stat().st_mtime_ns,
        )
        return Outcome.read(found[-1]) if found else None

    def training(self, config: Mapping[str, Any]) -> Path:
        """Give the folder for what a training keeps of itself.

        An interrupted one goes on from there; one that is over is there for a hybrid of it. The
        caller removes it.
        """
        return self.folder / f"{self._stem('training', config)}.{self.code}"

    def keep(self, name: str, config: Mapping[str, Any], outcome: Outcome) -> None:
        """Keep an outcome."""
        outcome.write(self.folder / f"{self._stem(name, config)}.{self.code}.npz")

    def _stem(self, name: str, config: Mapping[str, Any]) -> str:
        told = json.dumps({"name": name, **config}, sort_keys=True).encode()
        return f"{re.sub(r'[^a-z0-9+-]', '_', name)}.{digest([told])}"


def code_digest(patterns: Sequence[str] = _CODE) -> str:
    """Name the code that outcomes depend on, by its content; patterns are from the root."""
    files = sorted(path for pattern in patterns for path in _ROOT.glob(pattern))
    return digest(part for path in files for part in (path.name.encode(), path.read_bytes()))


def digest(parts: Iterable[bytes]) -> str:
    """First 16 hex digits of a SHA-256."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part + b"\0")
    return found.hexdigest()[:16]
