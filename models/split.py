"""How the sessions of a data set were divided, said so that anyone can divide them again.

A bundle's manifest carries it: evaluation and replay find by it the sessions that training never
saw. Nothing is read here, and the sessions are not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from .sessions import Sessions, split_by_session


class Parts(NamedTuple):
    """Distinct sessions in four parts, all over the catalog of the data set."""

    train: Sessions
    valid: Sessions  # chose the epoch, and is the anchor of later fine-tuning
    test: Sessions  # seen by nothing (of a split by `leave_one_out`, its last tracks)
    unused: Sessions  # of the training share, left out by `train_fraction`: seen by nothing


@dataclass(frozen=True, kw_only=True)
class Split:
    """Duplicates dropped (or kept), then whole sessions dealt out: at random, or `in_order`.

    In order, the first sessions train, the next validate, those after them test, and the unused
    ones come last: nothing is asked about a time before training's, if the data set is in order of
    time (30Music and simulated listeners are; the MSSD subset has no clock). Such a data set may
    keep duplicates: who plays an album again next year is no copy of a record.

    By `leave_one_out` no session is dealt out, its end is (Kang & McAuley, arXiv:1808.09781,
    section IV-A): the last track is to test, the one before it to validate, the rest to train on. A
    session of `valid` ends with the track that validates, one of `test` with the one that tests.
    """

    data: str  # name of the data set
    simulated: bool
    sessions: int  # that were divided: a data set of the same name may have changed
    seed: int = 0
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    train_fraction: float = 1.0  # of the training part, what was trained on
    in_order: bool = False
    leave_one_out: bool = False
    duplicates: bool = False  # whether sessions that repeat an earlier one's tracks are kept

    def __post_init__(self) -> None:
        """Refuse a share that leaves nothing to train on, and two ways to split at once."""
        if not 0 < self.train_fraction <= 1:
            raise ValueError(
                f"fraction {self.train_fraction}: expected a share above 0 and up to 1"
            )
        if self.leave_one_out and (self.in_order or self.train_fraction < 1):
            raise ValueError(
                "a split by leave-one-out trains on all sessions, whatever their order: give "
                "neither a fraction nor in-order with it"
            )

    def kept(self, sessions: Sessions) -> Sessions:
        """Give what is divided, of all the sessions of the data set."""
        return sessions if self.duplicates else sessions.deduplicated()

    def parts(self, distinct: Sessions) -> Parts:
        """Divide; `distinct` are the `kept` sessions of the data set.

        Raises:
            ValueError: their number is not the one that was divided then.
        """
        if len(distinct) != self.sessions:
            raise ValueError(
                f"data {self.data!r} has {len(distinct)} {self._kind}, the split was made of "
                f"{self.sessions}; give the data set that the bundle was trained on"
            )
        if self.leave_one_out:
            return _ends_held_out(distinct)
        used = self.train_fraction
        if self.in_order:
            training, validating, testing = self.fractions
            shares = (training * used, validating, testing, training * (1 - used))
            return Parts(*split_by_session(distinct, None, shares))
        whole, valid, test = split_by_session(distinct, self.seed, self.fractions)
        train, unused = split_by_session(whole, self.seed, (used, 1 - used))
        return Parts(train, valid, test, unused)

    @property
    def _kind(self) -> str:
        return "sessions" if self.duplicates else "distinct sessions"

    def record(self) -> dict[str, Any]:
        """Give what goes into a manifest's `training`."""
        return asdict(self)

    @classmethod
    def of(cls, training: Mapping[str, Any]) -> Split:
        """Read it back from a manifest's `training`.

        Raises:
            ValueError: there is none, or it is of another form.
        """
        try:
            found = dict(training["split"])
            return cls(**{**found, "fractions": tuple(found["fractions"])})
        except (KeyError, TypeError) as err:
            raise ValueError(
                "the bundle does not say how its training data was split, so nothing held out can "
                "be found; train it with `segue train`"
            ) from err


def _ends_held_out(distinct: Sessions) -> Parts:
    """Hold out the last two occurrences of sessions of three or more; shorter ones only train."""
    asked = distinct.lengths >= 3
    return Parts(
        train=distinct.shortened(np.where(asked, 2, 0)),
        valid=distinct.select(asked).shortened(1),
        test=distinct.select(asked),
        unused=distinct.select(np.zeros(0, dtype=np.int64)),
    )
