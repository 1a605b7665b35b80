"""Trains an encoder on sessions, from nothing or from the weights of a model that serves.

All positions of a session are learned in one pass, the loss is on the real ones alone; or one
occurrence of many sessions side by side (session_parallel.py). How the steps are taken is in
optimisation.py; when to train, and whether the result may serve, is decided elsewhere (finetune.py
and gate.py in finetuning/).
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..encoders.architectures import make_encoder
from ..encoders.encoder import Encoder, EncoderConfig
from ..encoders.gru4rec import GRU4Rec
from ..evaluation import metrics
from ..evaluation.evaluate import evaluate
from ..evaluation.rankers import NeuralRanker
from ..items.item_start import ItemStart
from ..losses.loss import LossConfig
from ..questions import ProtocolName
from ..reproducible import reproducible
from ..sampling import (
    NegativeSampler,
    Rows,
    batches,
    batches_by_length,
    mixed_batches,
    training_rows,
)
from ..sessions import Sessions, joined
from .optimisation import Optimisation, Progress, Trained
from .parallel_stepping import ParallelStepper
from .replicas import ALONE, Replicas
from .schedule import Schedule, SelectBy
from .session_parallel import parallel_steps
from .state import TrainingState, digest
from .stepping import RowStepper, Stepper

_FULL = 0.8  # of a row's positions on average; below it rows of like lengths are batched together
POOL = 16  # batches whose rows are then sorted together
FINE_TUNING = Schedule(epochs=2, learning_rate=1e-3)


def train(
    sessions: Sessions,
    valid: Sessions,
    config: EncoderConfig,
    loss: LossConfig,
    schedule: Schedule | None = None,
    *,
    seed: int = 0,
    protocol: ProtocolName = "next-track",
    features: Tensor | None = None,
    start: ItemStart | None = None,
    device: torch.device | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: float = 120.0,
    replicas: Replicas = ALONE,
    progress: Progress = lambda step: None,
    clock: Callable[[], float] = time.monotonic,
) -> Trained:
    """Train from nothing and keep the epoch that ranks `valid` best, as `protocol` asks.

    Both sets are over one catalog of `config.items` tracks. The same seed gives the same numbers
    on a CPU, unless `schedule.seconds` is set. `features` (N + 1, F) are for encoders that read
    content, `start` are item embeddings to begin with.

    `checkpoint` is a folder for what an interrupted training needs to go on to the same numbers. It
    is written after every epoch, and every `checkpoint_every` seconds within one; the next call
    with the same arguments goes on from it. The caller removes it once the result is safe.
    `replicas` are the processes that train together, each called with the same arguments.

    Raises:
        ValueError: catalogs differ, there is nothing to train on, the encoder needs features and
            has none, its mode of training is another's, or the checkpoint is of another training.
        FloatingPointError: the loss is no longer finite.
    """
    rows, schedule = _rows(sessions, config), schedule or Schedule()
    sampler = NegativeSampler(torch.from_numpy(sessions.counts()), loss.sample_alpha)
    with reproducible(seed, schedule.threads):
        model = make_encoder(config, features).to(device or best_device())
        if not all(buffer.isfinite().all() for buffer in model.buffers()):
            raise ValueError(f"{config} reads content features: give them, a row for each track")
        if not replicas.first:  # the same weights, but other dropout
            torch.manual_seed(seed + (replicas.number << 32))
        stepper: Stepper
        if schedule.mode == "session-parallel":
            if not isinstance(model, GRU4Rec):
                raise ValueError(
                    f"schedule.mode session-parallel needs an encoder that steps, which "
                    f"{model.architecture} is not: train gru4rec, or give mode all-positions"
                )
            if replicas.count > 1 or (schedule.pool or 1) > 1:
                raise ValueError(
                    "schedule.mode session-parallel goes through the sessions in order, in one "
                    f"process, got {replicas.count} of them and pool {schedule.pool}"
                )
            steps = parallel_steps(sessions, schedule.batch)
            schedule = schedule.from_nothing(len(steps) * schedule.batch)
            stepper = ParallelStepper(model, loss, schedule, seed, steps, sampler)
            draw = partial(_in_order, len(steps))
        else:
            schedule = schedule.from_nothing(len(rows))
            stepper = RowStepper(model, loss, schedule, seed, rows, sampler, replicas)
            draw = partial(batches, len(rows), schedule.batch, stepper.generator)
            if (pool := _pool(rows, schedule)) > 1:
                size = schedule.batch
                draw = partial(batches_by_length, rows.lengths(), size, pool, stepper.generator)
        stepped = None if start is None else start.placed(model)
        run = Optimisation(stepper, loss, schedule, stepped)
        state = None
        if checkpoint is not None:
            identity = _identity(run, rows, sessions, valid, seed) | {"protocol": protocol}
            if features is not None:
                identity["features"] = digest([features])
            if start is not None:
                identity["start"] = [digest([start.items, start.rows]), start.frozen]
            state = TrainingState(checkpoint, identity, every=checkpoint_every)
        judge = _validation(valid, sessions, schedule.select_by, protocol)
        return run.fit(draw, judge, progress, clock, state)


def fine_tune(
    model: Encoder,
    new: Sessions,
    replay: Sessions,
    loss: LossConfig,
    schedule: Schedule = FINE_TUNING,
    *,
    valid: Sessions | None = None,
    seed: int = 0,
    progress: Progress = lambda step: None,
    clock: Callable[[], float] = time.monotonic,
) -> Trained:
    """Train a copy of `model` on new sessions, each batch mixed with replayed old ones.

    All sessions are over the model's catalog (`Encoder.grown` gives it one with new tracks).
    Without `valid` every epoch is run and the last weights are kept: the judge stands elsewhere
    (finetuning/gate.py).

    Raises:
        ValueError: catalogs differ, there is nothing new to train on, or the mode is another.
        FloatingPointError: the loss is no longer finite.
    """
    if schedule.mode != "all-positions":
        raise ValueError(f"fine-tuning mixes rows: schedule.mode {schedule.mode} cannot do that")
    fresh, old = _rows(new, model.config), training_rows(replay, model.config.length)
    plays = torch.from_numpy(new.counts() + replay.counts())
    sampler = NegativeSampler(plays, loss.sample_alpha)
    rows = Rows(*(torch.cat(pair) for pair in zip(fresh, old, strict=True)))
    validate = None
    if valid is not None:
        validate = _validation(valid, joined([new, replay]), schedule.select_by)
    with reproducible(seed, schedule.threads):
        stepper = RowStepper(copy.deepcopy(model), loss, schedule, seed, rows, sampler)
        draw = partial(
            mixed_batches, len(fresh), len(old), schedule.new_share, schedule.batch,
            stepper.generator,
        )  # fmt: skip
        return Optimisation(stepper, loss, schedule).fit(draw, validate, progress, clock)


def best_device() -> torch.device:
    """Choose a GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _pool(rows: Rows, schedule: Schedule) -> int:
    """Give how many batches are sorted together: one where rows are about equally long."""
    if schedule.pool is not None:
        return schedule.pool
    full = float(rows.lengths().float().mean()) / rows.items.shape[1]
    return POOL if full < _FULL else 1


def _in_order(steps: int) -> Iterator[Tensor]:
    yield from torch.split(torch.arange(steps), 1)


def _rows(sessions: Sessions, config: EncoderConfig) -> Rows:
    if sessions.n_items != config.items:
        raise ValueError(
            f"the sessions' catalog has {sessions.n_items} tracks, the model's {config.items}; "
            "use reindexed(), or Encoder.grown()"
        )
    rows = training_rows(sessions, config.length)
    if not len(rows):
        raise ValueError(
            f"none of {len(sessions)} sessions has two tracks of the catalog in a row to learn from"
        )
    return rows


def _identity(
    run: Optimisation, rows: Rows, sessions: Sessions, valid: Sessions, seed: int
) -> dict[str, Any]:
    """Say of a training all that its numbers depend on."""
    model = run.stepper.model
    held_out = (torch.from_numpy(part) for part in (valid.offsets, valid.items, valid.outcomes))
    return {
        "architecture": model.architecture,
        "config": asdict(model.config),
        "loss": asdict(run.loss),
        "schedule": asdict(run.schedule),
        "seed": seed,
        "processes": run.replicas.count,
        "catalog": digest(sessions.track_ids),
        "sessions": digest(rows),
        "validation sessions": digest(held_out),
    }


def _validation(
    valid: Sessions,
    known: Sessions,
    select_by: SelectBy,
    protocol: ProtocolName = "next-track",
) -> Callable[[Encoder], float]:
    if valid.lengths.max(initial=0) < 2:
        raise ValueError(
            f"none of {len(valid)} validation sessions has two tracks, so no epoch can be chosen"
        )
    counts = known.counts()

    def judge(model: Encoder) -> float:
        (result,) = evaluate([NeuralRanker(model)], valid, counts, protocol, ranks_only=True)
        if select_by == "ndcg@10":
            return metrics.ndcg(result.ranks, 10)
        return metrics.mrr(result.ranks, 20)

    return judge
