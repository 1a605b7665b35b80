"""A search for good hyper-parameters, by Optuna, on validation sessions alone.

Every trial is one `train`. The first has the values that were given, so the best is never worse on
the validation sessions; after each epoch a trial below the median of those before it ends (it is
pruned). The study is a SQLite file: a search that was stopped goes on. Test sessions are not read.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import optuna
import torch
from optuna.trial import FrozenTrial, Trial, TrialState

from .configuration import Configuration
from .search_space import Between, Choice, Space, flat, start, varied
from .sessions import Sessions
from .training.optimisation import Step
from .training.state import digest
from .training.train import train

_RANDOM = 5  # trials before the sampler learns from those that have ended
_COMPARED = 4  # trials before any is pruned
_SPARED = 2  # the first epoch after which one may be
_IDENTITY, _SECONDS, _EPOCHS = "identity", "seconds", "epochs"


class Trying(NamedTuple):
    """Where a search stands, told after every step."""

    trial: int  # from 1
    step: Step


@dataclass(frozen=True)
class Tried:
    """One trial that has ended."""

    trial: int  # from 1
    state: str  # complete, pruned, or failed where the loss was no longer a number
    values: Mapping[str, Any]  # of the keys that vary
    valid: float | None  # best validation figure; of a pruned trial the newest
    epochs: int
    seconds: float


@dataclass(frozen=True)
class Search:
    """One study: what varies around `base`, on which sessions, kept where."""

    sessions: Sessions  # to train on; `valid` is over the same catalog
    valid: Sessions
    base: Configuration
    space: Space
    study: Path  # a SQLite file
    seed: int = 0  # of training and of the sampler

    def run(
        self,
        trials: int,
        seconds: float = math.inf,
        *,
        progress: Callable[[Trying], None] = lambda trying: None,
        ended: Callable[[Tried], None] = lambda tried: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> list[Tried]:
        """Try until the study holds so many trials or the time is over; gives all of them.

        A trial that the time cuts off counts as pruned; one that a kill cut off is tried again.

        Raises:
            ValueError: the study is of another search.
        """
        study = self.opened()
        began = clock()
        while len(_over(study)) < trials and clock() - began < seconds:
            trial, since = study.ask(), clock()
            value, state = None, TrialState.COMPLETE
            try:
                value = self._tried(trial, progress, lambda: clock() - began >= seconds)
            except optuna.TrialPruned:
                state = TrialState.PRUNED
            except FloatingPointError:
                state = TrialState.FAIL
            trial.set_user_attr(_SECONDS, clock() - since)
            ended(_record(study.tell(trial, value, state)))
        return [_record(trial) for trial in _over(study)]

    def configured(self, tried: Tried) -> Configuration:
        """Give the whole configuration of a trial."""
        return varied(self.base, tried.values)

    def _tried(
        self, trial: Trial, progress: Callable[[Trying], None], late: Callable[[], bool]
    ) -> float:
        values = {key: _suggested(trial, key, within) for key, within in self.space.items()}
        chosen = varied(self.base, values)

        def each_step(step: Step) -> None:
            progress(Trying(trial.number + 1, step))
            epochs = step.epoch - 1
            if step.valid is not None and epochs > trial.user_attrs.get(_EPOCHS, 0):
                trial.set_user_attr(_EPOCHS, epochs)
                trial.report(step.valid, epochs)
                if trial.should_prune():
                    raise optuna.TrialPruned
            if late():
                raise optuna.TrialPruned

        trained = train(
            self.sessions,
            self.valid,
            chosen.model(self.sessions.n_items),
            chosen.loss,
            chosen.schedule,
            seed=self.seed,
            progress=each_step,
        )
        trial.set_user_attr(_EPOCHS, len(trained.valid))
        return max(trained.valid)

    def opened(self) -> optuna.Study:
        """Open the study, or begin it; what a kill cut off is queued again.

        Raises:
            ValueError: it is of another search.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # what it tells, `ended` tells too
        self.study.parent.mkdir(parents=True, exist_ok=True)
        study = optuna.create_study(
            study_name=self.base.architecture,
            storage=f"sqlite:///{self.study}",
            direction="maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(_COMPARED, n_warmup_steps=_SPARED),
        )
        identity = self._identity()
        if (kept := study.user_attrs.get(_IDENTITY, identity)) != identity:
            other = [name for name in identity if kept.get(name) != identity[name]]
            raise ValueError(
                f"{self.study} holds a search with another {', '.join(other)}; go on with what it "
                "was begun with, or give another file"
            )
        study.set_user_attr(_IDENTITY, identity)
        # A resumed sampler must not draw again what it drew at first.
        study.sampler = optuna.samplers.TPESampler(
            seed=self.seed + len(study.trials), n_startup_trials=_RANDOM
        )
        if not study.trials:
            study.enqueue_trial(start(self.base, self.space))
        for trial in study.get_trials(states=[TrialState.RUNNING]):
            study.tell(trial.number, state=TrialState.FAIL)
            study.enqueue_trial(trial.params)
        return study

    def _identity(self) -> dict[str, str]:
        parts = (self.sessions, self.valid)
        arrays = [array for part in parts for array in (part.offsets, part.items, part.outcomes)]
        fixed = {key: value for key, value in flat(self.base).items() if key not in self.space}
        return {
            "data": digest(map(torch.from_numpy, arrays)),
            "seed": str(self.seed),
            "fixed configuration": json.dumps(fixed, sort_keys=True),
            "space": str(sorted(self.space.items())),
        }


def best(tried: list[Tried]) -> Tried:
    """Give the trial with the best validation figure.

    Raises:
        ValueError: none was trained to its end.
    """
    ended = [trial for trial in tried if trial.state == "complete"]
    if not ended:
        raise ValueError(
            f"none of {len(tried)} trials was trained to its end; give more minutes, or less to "
            "train (--fraction, --set schedule.epochs=…)"
        )
    return max(ended, key=lambda trial: trial.valid or 0)


def _suggested(trial: Trial, key: str, within: Choice | Between) -> Any:  # noqa: ANN401 - of any key
    if isinstance(within, Choice):
        return trial.suggest_categorical(key, within.values)
    return trial.suggest_float(key, within.low, within.high, log=within.log)


def _over(study: optuna.Study) -> list[FrozenTrial]:
    """Give the trials that have ended by themselves."""
    return [trial for trial in study.get_trials() if _SECONDS in trial.user_attrs]


def _record(trial: FrozenTrial) -> Tried:
    newest = (
        trial.intermediate_values[max(trial.intermediate_values)]
        if trial.intermediate_values
        else None
    )
    return Tried(
        trial=trial.number + 1,
        state={TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned"}.get(
            trial.state, "failed"
        ),
        values=trial.params,
        valid=trial.value if trial.state == TrialState.COMPLETE else newest,
        epochs=trial.user_attrs.get(_EPOCHS, 0),
        seconds=trial.user_attrs[_SECONDS],
    )
