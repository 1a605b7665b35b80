"""The data of a suite: where it lies, its fingerprint, and what each seed trains on and asks."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.data.sources import Source, open_source
from models.questions import Bools
from models.recipe import Prepared
from models.sessions import Sessions, without_shared_runs
from models.split import Split

from .suite import Suite

HOME = Path("../shared/data")  # as for the tests that need real data


@dataclass(frozen=True, eq=False)
class Data:
    """A data set, read once for all seeds."""

    name: str
    simulated: bool
    sha256: str  # of what was read, so that it does not depend on how files are laid out
    sessions: Sessions

    @classmethod
    def read(cls, source: Source) -> Data:
        """Read all of it."""
        sessions = source.load()
        return cls(source.name, source.simulated, fingerprint(sessions), sessions)


@dataclass(frozen=True, eq=False)
class Exam:
    """What one seed trains on, and the sessions that it is asked about."""

    prepared: Prepared
    test: Sessions  # over the catalog of the training part
    novel: Bools  # (S,) whether a session of `test` shares no run with training


def suite_source(suite: Suite, spec: str | None) -> Source:
    """Open what `--data` names; without it the suite's own data, in $SEGUE_DATA or beside us.

    Raises:
        ValueError: it is not there, or is of no known form.
    """
    if spec is not None:
        return open_source(spec)
    folder = Path(os.environ.get("SEGUE_DATA") or HOME) / suite.data
    if not folder.exists():
        raise ValueError(
            f"{folder} does not exist: give --data {suite.data}:PATH, or set SEGUE_DATA to the "
            "folder that holds the data sets"
        )
    return open_source(f"{suite.data}:{folder}")


def examine(suite: Suite, data: Data, seed: int, *, quick: bool) -> Exam:
    """Split the data as the suite says; with `quick` no more of it than `suite.quick` allows.

    Raises:
        ValueError: it is too small to be split.
    """
    sessions = data.sessions
    if not suite.split.get("duplicates"):
        sessions = sessions.deduplicated()
    if quick and len(sessions) > suite.quick.sessions:
        sessions = sessions.select(
            np.linspace(0, len(sessions) - 1, suite.quick.sessions).astype(np.int64)
        )
    split = Split(
        data=data.name, simulated=data.simulated, sessions=len(sessions), seed=seed, **suite.split
    )
    parts = split.parts(sessions)
    train = parts.train.compacted()
    known = [part.reindexed(train.track_ids) for part in (parts.valid, parts.test)]
    for name, part in zip(("train on", "validate with", "test"), (train, *known), strict=True):
        if part.lengths.max(initial=0) < 2:
            raise ValueError(
                f"{data.name} has {len(sessions)} sessions to divide, and none of the {len(part)} "
                f"to {name} has two tracks: nothing can be learned or asked; give more data"
            )
    valid, test = known
    return Exam(Prepared(split, parts, train, valid), test, _novel(suite, parts.test, parts.train))


def fingerprint(sessions: Sessions) -> str:
    """SHA-256 of session ids, tracks and outcomes, as they were read."""
    found = hashlib.sha256()
    for names in (sessions.session_ids, sessions.track_ids):
        found.update("\0".join(names).encode())
        found.update(b"\1")
    for array in (sessions.offsets, sessions.items, sessions.outcomes):
        found.update(np.ascontiguousarray(array).astype("<i8").tobytes())
    return found.hexdigest()


def _novel(suite: Suite, test: Sessions, train: Sessions) -> Bools:
    if suite.shared_run is None:
        return np.zeros(len(test), np.bool_)
    kept = without_shared_runs(test, train, suite.shared_run).session_ids
    return np.isin(np.array(test.session_ids), np.array(kept))
