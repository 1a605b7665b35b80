"""Who takes part: the baselines that run in every table, and the models of a suite, trained.

How each is asked and judged is in sitting.py; this is the only place that knows how one is made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from models.counting.standard import BASELINES
from models.questions import ProtocolName, Ranker
from models.recipe import Prepared
from models.stages import stages
from models.training.optimisation import Step
from models.training.train import train

from .suite import Entry, Suite

Say = Callable[[str], None]


@dataclass(frozen=True)
class Task:
    """What a contestant is given to become a ranker."""

    prepared: Prepared
    seed: int
    protocol: ProtocolName  # by which epochs are chosen on the validation sessions
    folder: Path  # where a training keeps itself: one that is over there is not run again
    say: Say


@dataclass(frozen=True)
class Fitted:
    """A ranker that is ready to be asked, and how it became so."""

    ranker: Ranker
    seconds: float
    losses: list[float] = field(default_factory=list)  # mean of each epoch; none for a baseline
    valid: list[float] = field(default_factory=list)  # the figure that chose the epoch, after each


@dataclass(frozen=True)
class Contestant:
    """One row of a table, before it has been made."""

    name: str
    kind: str  # model or baseline
    loss: str | None
    config: Mapping[str, Any]  # all that the suite says of it
    fit: Callable[[Task], Fitted]
    network: Mapping[str, Any] | None = None  # what is trained for it; a hybrid's is another's too


def contestants(suite: Suite) -> list[Contestant]:
    """Give the baselines and then the suite's models."""
    return [_baseline(name) for name in BASELINES] + [_model(entry) for entry in suite.models]


def _baseline(name: str) -> Contestant:
    def fit(task: Task) -> Fitted:
        began = time.perf_counter()
        ranker = BASELINES[name](task.prepared.train)
        return Fitted(ranker, time.perf_counter() - began)

    return Contestant(name, "baseline", None, {}, fit)


def _model(entry: Entry) -> Contestant:
    name, found = entry

    def fit(task: Task) -> Fitted:
        trained = train(
            task.prepared.train,
            task.prepared.valid,
            found.model(task.prepared.train.n_items),
            found.loss,
            found.schedule,
            seed=task.seed,
            protocol=task.protocol,
            checkpoint=task.folder,
            progress=_each_epoch(task.say),
        )
        around = stages(
            trained.model, task.prepared.train, task.prepared.valid, found.counts, found.rerank,
            name=name, seed=task.seed, protocol=task.protocol, say=task.say,
        )  # fmt: skip
        return Fitted(around.ranker, trained.seconds, trained.losses, trained.valid)

    network = Entry(name, replace(found, counts=None, rerank=None)).record()
    return Contestant(name, "model", found.loss.name, entry.record(), fit, network)


def _each_epoch(say: Say) -> Callable[[Step], None]:
    """Say how an epoch went when the next one begins."""
    newest: Step | None = None

    def progress(step: Step) -> None:
        nonlocal newest
        if newest is not None and step.epoch != newest.epoch:
            valid = "" if step.valid is None else f", validation {step.valid:.4f}"
            say(f"epoch {newest.epoch}, step {newest.done} of {newest.total}, "
                f"loss {newest.loss:.3f}{valid}")  # fmt: skip
        newest = step

    return progress
