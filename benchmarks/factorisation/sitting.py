"""Entries that are trained and asked one by one; each answer is kept, so that a run can go on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.digests import code_digest, digest
from benchmarks.machine import write_result
from benchmarks.quality.data import fingerprint
from models.data.canonical import to_sessions
from models.factorisation.fm import FactorizationMachine
from models.factorisation.interactions import interactions
from models.factorisation.leave_one_out import Exam, Ranked
from models.factorisation.training import Progress

from .entries import Entry, Subject

_CODE = (
    "models/factorisation/*.py", "models/evaluation/metrics.py",
    "benchmarks/factorisation/sitting.py",
)  # fmt: skip
Say = Callable[[str], None]


@dataclass(frozen=True)
class Answer:
    """What one entry came to with one seed."""

    ranked: Ranked
    seconds: float
    commit: str  # of the code that learned


@dataclass(frozen=True, eq=False)
class Sitting:
    """One form of the data, and the folder where answers are kept."""

    subject: Subject
    frame: pl.DataFrame
    back: int  # 1 asks for the last items, 2 for those before them
    folder: Path
    commit: str
    say: Say

    def answer(self, entry: Entry, seed: int, deadline: float) -> Answer | None:
        """Give what is kept, or train and ask; None if it is not there and the time is over."""
        file = self.folder / f"{self._key(entry, seed)}.json"
        if file.exists():
            return _read(file)
        if time.monotonic() > deadline:
            return None
        train, asked = interactions(
            self.frame,
            entry.fields,
            sessions_of_track=self.subject.sessions_of_track,
            tracks_of_session=self.subject.tracks_of_session,
        ).held_out(self.back)
        exam = Exam.of(train, asked, seed=0)  # the same negatives for all entries and seeds
        began = time.perf_counter()
        scorer = entry.fit(train, seed, _told(entry, seed, self.say))
        seconds = time.perf_counter() - began
        answer = Answer(exam.rank(scorer), round(seconds, 1), self.commit)
        _write(file, answer)
        return answer

    def sizes(self) -> dict[str, int]:
        """Users, items and rows of the data as it is asked about."""
        data = interactions(
            self.frame,
            sessions_of_track=self.subject.sessions_of_track,
            tracks_of_session=self.subject.tracks_of_session,
        )
        asked = data.held_out(self.back)[1]
        return {
            "users": len(data.user_ids),
            "items": data.n_items,
            "rows": len(data),
            "asked": len(asked),
        }

    @cached_property
    def fingerprint(self) -> str:
        """Name what was read, by its content."""
        return fingerprint(to_sessions(self.frame))[:16]

    def _key(self, entry: Entry, seed: int) -> str:
        told = {
            **entry.record(),
            "seed": seed,
            "back": self.back,
            "data": self.fingerprint,
            "dense": [self.subject.sessions_of_track, self.subject.tracks_of_session],
        }
        told_and_code = [json.dumps(told).encode(), code_digest(_CODE).encode()]
        return f"{entry.name}.{seed}.{digest(told_and_code)}"


def _told(entry: Entry, seed: int, say: Say) -> Progress:
    epochs = entry.schedule.epochs * entry.members

    def progress(epoch: int, loss: float, model: FactorizationMachine) -> None:
        say(f"{entry.name}, seed {seed}: epoch {epoch} of {epochs}, loss {loss:.4f}")

    return progress


def _write(file: Path, answer: Answer) -> None:
    ranked = {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in answer.ranked._asdict().items()
    }
    write_result(file, {"ranked": ranked, "seconds": answer.seconds, "commit": answer.commit})


def _read(file: Path) -> Answer:
    kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    ranked: dict[str, Any] = {
        name: np.asarray(value, np.int64) if isinstance(value, list) else value
        for name, value in kept["ranked"].items()
    }
    return Answer(Ranked(**ranked), kept["seconds"], kept["commit"])
