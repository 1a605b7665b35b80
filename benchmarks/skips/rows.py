"""One row of a skip suite with one seed: trained, asked, and kept for a run that goes on later.

What is compared is in suites.py, the tables are in tables.py.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import commit
from benchmarks.quality.data import fingerprint
from models.data.canonical import to_sessions
from models.data.sources import Source
from models.encoders.architectures import make_config
from models.evaluation.evaluate import evaluate
from models.evaluation.evaluation import Evaluation
from models.evaluation.rankers import NeuralRanker
from models.sessions import Sessions
from models.split import Split
from models.training.optimisation import Step
from models.training.train import train

from .suite import Row, Suite

_KEPT = ("session", "heard", "ranks", "sampled_ranks", "won", "pairs")
_VALIDATED = 2000  # sessions at most whose last track but one chooses the epoch
Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Ground:
    """A data set without duplicates, and the context in which most of each session was heard."""

    name: str
    simulated: bool
    distinct: Sessions
    contexts: dict[str, str]  # by session_id; empty where the data does not say
    sha256: str  # of the distinct sessions

    @classmethod
    def read(cls, source: Source) -> Ground:
        """Read all of it."""
        frame = source.frame()
        heard: dict[str, Counter[str]] = {}
        told = frame.select("session_id", "context_type").drop_nulls()
        for session_id, context in told.iter_rows():
            heard.setdefault(session_id, Counter())[context] += 1
        contexts = {name: counted.most_common(1)[0][0] for name, counted in heard.items()}
        distinct = to_sessions(frame).deduplicated()
        return cls(source.name, source.simulated, distinct, contexts, fingerprint(distinct))


@dataclass(frozen=True, eq=False)
class Answers:
    """What a row did with one seed."""

    evaluation: Evaluation
    context: np.ndarray  # (n,) of each question's session, "" where it is not known
    told: dict[str, Any]  # how the training went

    def write(self, path: Path) -> None:
        """Keep it, whole or not at all."""
        arrays = {name: getattr(self.evaluation, name) for name in _KEPT}
        arrays = {name: values for name, values in arrays.items() if values is not None}
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".tmp")
        told = np.frombuffer(
            json.dumps({**self.told, "model": self.evaluation.model}).encode(), np.uint8
        )
        with fresh.open("wb") as file:
            np.savez_compressed(file, told=told, context=self.context, **arrays)
        fresh.replace(path)

    @classmethod
    def read(cls, path: Path) -> Answers:
        """Read what `write` kept."""
        with np.load(path, allow_pickle=False) as kept:
            told = json.loads(kept["told"].tobytes())
            found: dict[str, Any] = {name: kept.get(name) for name in _KEPT}
            return cls(Evaluation(model=told.pop("model"), **found), kept["context"], told)


def kept_at(work: Path, suite: Suite, row: Row, seed: int) -> Path:
    """Name the file of a row's answers by all that they depend on, but for the code."""
    said = hashlib.sha256(json.dumps(suite.identity(row, seed), sort_keys=True).encode())
    return work / f"{said.hexdigest()[:24]}.npz"


def answers_of(suite: Suite, row: Row, seed: int, ground: Ground, say: Say) -> Answers:
    """Train a row and ask it."""
    distinct = ground.distinct
    split = Split(
        data=ground.name,
        simulated=ground.simulated,
        sessions=len(distinct),
        seed=seed,
        leave_one_out=suite.leave_one_out,
    )
    parts = split.parts(distinct)
    learned = parts.train.compacted()
    valid = parts.valid.reindexed(learned.track_ids)
    if suite.leave_one_out:  # all but the last track of these was trained on
        valid = valid.select(np.arange(min(_VALIDATED, len(valid))))
    config = make_config(row.architecture, {"items": learned.n_items, **row.sizes})
    schedule = suite.scheduled(row)
    trained = train(
        learned,
        valid,
        config,
        row.loss,
        schedule,
        seed=seed,
        protocol="leave-last-out" if suite.leave_one_out else "next-track",
        progress=_each_epoch(say),
    )
    say(f"trained in {trained.seconds:.0f} s, best epoch {trained.best_epoch}; ranking")
    asked = parts.valid if suite.part == "valid" else parts.test
    (evaluation,) = evaluate(
        [NeuralRanker(trained.model, row.name)],
        asked.reindexed(learned.track_ids),
        learned.counts(),
        suite.protocol,
        seed=seed,
    )
    of_session = np.array([ground.contexts.get(name, "") for name in asked.session_ids])
    told = {
        "seconds": round(trained.seconds, 1),
        "epochs": len(trained.losses),
        "best_epoch": trained.best_epoch,
        "losses": [round(loss, 5) for loss in trained.losses],
        "commit": commit(),
    }
    return Answers(evaluation, of_session[evaluation.session], told)


def _each_epoch(say: Say) -> Callable[[Step], None]:
    """Say how an epoch went when the next one begins."""
    newest: Step | None = None

    def progress(step: Step) -> None:
        nonlocal newest
        if newest is not None and step.epoch != newest.epoch:
            say(f"epoch {newest.epoch}, loss {newest.loss:.3f}")
        newest = step

    return progress
