"""From a data set to a trained factorisation machine that has been asked about each last item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

from ..data.names import names
from ..data.sources import Source
from .files import Machine
from .fm import FactorizationMachine, FmConfig
from .interactions import Interactions, interactions
from .leave_one_out import Exam
from .scoring import FmScorer
from .training import FmSchedule, Progress, train_fm


@dataclass(frozen=True, eq=False)
class FmData:
    """What is learned from."""

    spec: str
    simulated: bool
    rows: Interactions
    catalog: pl.DataFrame  # what its items are called, see names()


@dataclass(frozen=True, kw_only=True)
class FmRecipe:
    """What is trained."""

    fields: tuple[str, ...]
    machine: Mapping[str, Any] = field(default_factory=dict)  # FmConfig's, but for the sizes
    schedule: FmSchedule = field(default_factory=FmSchedule)
    members: int = 1  # machines of different seeds, whose scores are added up

    def config(self, train: Interactions) -> FmConfig:
        """Give the sizes of a machine for these rows."""
        return FmConfig(features=train.n_features, items=train.n_items, **self.machine)

    def fitted(self, train: Interactions, seed: int, progress: Progress) -> FmScorer:
        """Learn; of n members seed s has seeds n s to n s + n - 1, which no other has.

        `progress` counts the epochs of all members on.

        Raises:
            ValueError: a user has every item, or the loss is not finite.
        """
        config, epochs = self.config(train), self.schedule.epochs
        scorers = []
        for member in range(self.members):

            def on(
                epoch: int, loss: float, model: FactorizationMachine, member: int = member
            ) -> None:
                progress(member * epochs + epoch, loss, model)

            model = train_fm(
                train, config, self.schedule, seed=seed * self.members + member, progress=on
            )
            scorers.append(FmScorer.of(model))
        return FmScorer.summed(scorers)

    def read(self, source: Source) -> FmData:
        """Read what the fields need.

        Raises:
            ValueError: the data has it not.
        """
        frame = source.frame()
        rows = interactions(frame, self.fields)
        return FmData(source.spec, source.simulated, rows, names(frame, rows.track_ids))

    def made(self, data: FmData, seed: int, progress: Progress) -> Machine:
        """Train on all but each session's last item, and rank those.

        Raises:
            ValueError: the data has too few items for 99 negatives.
        """
        train, asked = data.rows.held_out()
        exam = Exam.of(train, asked, seed=0)
        scorer = self.fitted(train, seed, progress)
        about = {
            "data": data.spec,
            "simulated": data.simulated,
            "users": len(data.rows.user_ids),
            "items": data.rows.n_items,
            "seed": seed,
            "machine": asdict(self.config(train)),
            "members": self.members,
            "schedule": asdict(self.schedule),
            "figures": exam.rank(scorer).figures(),
        }
        return Machine(scorer, self.fields, data.catalog, about)
