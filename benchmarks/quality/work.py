"""The work folder: an outcome is kept when it is made, so that an interrupted run goes on from it.

An outcome is found again by all that it depends on: data, split, protocols, seed, the contestant's
configuration, and the code that learns and judges.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.digests import digest

from .outcome import Outcome

CODE = ("models/**/*.py", "streams/counts.py", "streams/candidates.py", "streams/continuations.py",
        "streams/reranking.py", "benchmarks/quality/contestants.py", "benchmarks/quality/data.py",
        "benchmarks/quality/outcome.py")  # fmt: skip
"""What outcomes depend on: the code that learns, ranks and judges, in streams/ where it serves."""


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
