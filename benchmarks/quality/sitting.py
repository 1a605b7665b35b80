"""Every contestant of a suite sits the same exam, for every seed; nothing is done twice."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from models.evaluation.evaluate import evaluate

from .contestants import Contestant, Say, Task, contestants
from .data import Data, Exam, examine
from .outcome import Answers, Outcome
from .suite import Suite
from .work import Work


def sit(
    suite: Suite,
    data: Data,
    seeds: Sequence[int],
    work: Work,
    *,
    quick: bool,
    commit: str,
    say: Say,
) -> list[Outcome]:
    """Train and ask everyone; outcomes are in order of seed, and within it of the suite."""
    found, trainings = [], set()
    everyone = contestants(suite)
    for seed in seeds:
        exam = examine(suite, data, seed, quick=quick)
        for number, contestant in enumerate(everyone, start=1):
            told = f"{suite.name}, seed {seed}, {contestant.name} ({number} of {len(everyone)}): "
            config = _identity(suite, data, seed, contestant, quick=quick)
            folder = work.training({**config, "config": contestant.network})
            trainings.add(folder)
            outcome = work.find(contestant.name, config)
            if outcome is None:
                whisper = partial(_say, say, told)
                outcome = _outcome(suite, exam, seed, contestant, folder, commit, whisper)
                work.keep(contestant.name, config, outcome)
            else:
                say(f"{told}kept from an earlier run")
            found.append(outcome)
    for folder in trainings:  # those of this run alone: another's may be under way
        shutil.rmtree(folder, ignore_errors=True)
    return found


def _outcome(
    suite: Suite,
    exam: Exam,
    seed: int,
    contestant: Contestant,
    folder: Path,
    commit: str,
    say: Say,
) -> Outcome:
    fitted = contestant.fit(Task(exam.prepared, seed, suite.protocols[0], folder, say))
    answers = {}
    for protocol in suite.protocols:
        say(f"made in {fitted.seconds:.1f} s; ranking {len(exam.test)} sessions, {protocol}")
        (evaluation,) = evaluate(
            [fitted.ranker], exam.test, exam.prepared.train.counts(), protocol, seed=seed
        )
        answers[protocol] = Answers.of(evaluation, exam.novel[evaluation.session])
    return Outcome(
        model=contestant.name,
        kind=contestant.kind,
        loss=contestant.loss,
        seed=seed,
        seconds=fitted.seconds,
        losses=fitted.losses,
        valid=fitted.valid,
        commit=commit,
        answers=answers,
    )


def _identity(
    suite: Suite, data: Data, seed: int, contestant: Contestant, *, quick: bool
) -> dict[str, Any]:
    """Say all that an outcome depends on, but for the code."""
    return {
        "data": data.sha256,
        "split": {**suite.split, "shared_run": suite.shared_run},
        "protocols": suite.protocols,
        "quick": asdict(suite.quick) if quick else None,
        "seed": seed,
        "kind": contestant.kind,
        "config": contestant.config,
    }


def _say(say: Say, told: str, line: str) -> None:
    say(told + line)
