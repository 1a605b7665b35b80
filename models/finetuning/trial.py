"""One trial: a candidate trained from the champion on a window, and both asked the same questions.

Neither Kafka nor files: sessions in, a candidate and paired samples out. Whether it may serve is
the gate's to say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from streams.second_stage import SecondStage

from ..encoders.encoder import Encoder
from ..evaluation.evaluate import evaluate
from ..evaluation.metrics import reciprocal_ranks
from ..evaluation.rankers import NeuralRanker
from ..hybrid import Counted
from ..losses.loss import LossConfig
from ..questions import Ranker
from ..sampling import training_rows
from ..second_stage.two_stages import served_behind
from ..sessions import Sessions
from ..training.optimisation import Progress, Trained
from ..training.schedule import Schedule
from ..training.train import fine_tune
from .gate import PairedSample
from .newcomers import grown_catalog, grown_rows
from .replay import pooled


@dataclass(frozen=True, kw_only=True)
class TrialConfig:
    """How a candidate is made: about `steps` steps, and `passes` times through the window.

    Measured on MSSD (a base of half the sessions, MRR@20 on 1,500 others; `segue bench gate`): 150
    steps at 2e-3 gained 1.5 % from a window of 200 sessions and 2.2 % from 800. With half of each
    batch from the window, the 200 sessions were gone through 48 times, and 1.1 % was lost.
    """

    schedule: Schedule = field(  # its epochs follow from what is below
        default_factory=lambda: Schedule(learning_rate=2e-3, seconds=20.0)
    )
    steps: int = 150
    passes: int = 10  # at most; what a small window leaves of a batch is replayed
    new_share: float = 0.5  # of each batch at most, however large the window is
    loss: LossConfig = field(default_factory=lambda: LossConfig(name="skip-contrastive"))
    min_count: int = 2  # plays that admit a new track: one play has one neighbourhood, or a typo
    max_new_tracks: int = 5000  # admitted at once: players can name tracks without end


class Contender(NamedTuple):
    """A model with its catalog, as a trial compares it."""

    model: Encoder
    track_ids: tuple[str, ...]
    counts: NDArray[np.int64]  # (N + 1,) plays of each item, for sessions it knows nothing of
    counted: Counted | None = None  # of a hybrid: the steps it has seen
    second_stage: SecondStage | None = None  # as it was fitted: it does not learn

    def ranker(self) -> Ranker:
        """Give what ranks as the model does where it is served."""
        ranker: Ranker = NeuralRanker(self.model)
        if self.counted is not None:
            ranker = self.counted.beside(ranker, self.counts)
        if self.second_stage is not None:
            length = self.model.config.length
            ranker = served_behind(ranker, self.second_stage, self.counts, length)
        return ranker


def candidate(
    champion: Contender,
    learn: Sessions,
    replay: Sessions,
    config: TrialConfig,
    *,
    seed: int,
    progress: Progress = lambda step: None,
) -> tuple[Contender, Trained]:
    """Train a copy of the champion on `learn` beside `replay`, each over a catalog of its own.

    What a hybrid has counted grows by `learn`; its weight stays. So does a second stage, for which
    new tracks have the plays of `learn` and are skipped as all are.

    Raises:
        ValueError: there is nothing to learn from.
        FloatingPointError: the training diverged.
    """
    track_ids = grown_catalog(
        champion.track_ids, learn, replay, config.min_count, config.max_new_tracks
    )
    old_rows = champion.model.item_embedding.weight.detach().cpu().numpy()
    rows = grown_rows(old_rows, pooled(learn, replay).reindexed(track_ids))
    new = learn.reindexed(track_ids)
    schedule = _schedule(config, len(training_rows(new, champion.model.config.length)))
    trained = fine_tune(
        champion.model.grown(torch.from_numpy(rows)),
        new,
        replay.reindexed(track_ids),
        config.loss,
        schedule,
        seed=seed,
        progress=progress,
    )
    for name, weights in trained.model.named_parameters():
        if not weights.isfinite().all():
            raise FloatingPointError(f"the weights {name} are not finite after the fine-tune")
    counts = new.counts()
    counts[: len(champion.counts)] += champion.counts
    counts[0] = 0
    counted = champion.counted and champion.counted.learned(new)
    return champion._replace(
        model=trained.model, track_ids=track_ids, counts=counts, counted=counted
    ), trained


def compare(champion: Contender, other: Contender, sessions: Sessions) -> PairedSample:
    """Ask both for every next track of `sessions`, each over its own catalog, full ranking.

    A track that a model does not know is a miss for it, and left out of what it has heard.
    """
    one, two = (
        evaluate(
            [contender.ranker()],
            sessions.reindexed(contender.track_ids),
            contender.counts,
        )[0]
        for contender in (champion, other)
    )
    assert np.array_equal(one.session, two.session)  # every position is asked, known or not
    return PairedSample(
        sessions=one.session,
        champion_rr=reciprocal_ranks(one.ranks, 20),
        candidate_rr=reciprocal_ranks(two.ranks, 20),
        champion_hit=(one.ranks <= 10).astype(np.float64),
        candidate_hit=(two.ranks <= 10).astype(np.float64),
    )


def _schedule(config: TrialConfig, rows: int) -> Schedule:
    """Give the schedule its share of new rows and its epochs; two of them at least."""
    batch = config.schedule.batch
    new = min(round(batch * config.new_share), math.ceil(config.passes * rows / config.steps))
    new = max(1, new)  # rows of the window in each step
    return replace(
        config.schedule,
        new_share=new / batch,
        epochs=max(2, round(config.steps * new / rows)),
    )
