"""Who met what, and in which context: rows of features for factorisation machines.

A row has one feature of each field (the user, the contexts) and an item. Features are numbered
through all fields, so that a row is a short list of places in one table; the items come after them.
Rendle, "Factorization Machines" (ICDM 2010), section II; Ibero, Pérez & Martínez (UPC, 2021),
section 2. Graphs, models and rankings are made of these elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..data.canonical import to_sessions
from .contexts import Column, column

Ints = NDArray[np.int64]
USER = "user"


@dataclass(frozen=True, eq=False)
class Interactions:
    """n rows, those of a user together and in order of time."""

    track_ids: tuple[str, ...]  # N
    user_ids: tuple[str, ...]  # U
    fields: tuple[str, ...]  # F names
    sizes: tuple[int, ...]  # (F,) features of each field
    features: Ints  # (n, F)
    users: Ints  # (n,) 0..U-1, whether they are a field or not
    items: Ints  # (n,) 0..N-1

    @property
    def n_features(self) -> int:
        """M, the features of all fields; item i is place M + i in a table of both."""
        return sum(self.sizes)

    @property
    def n_items(self) -> int:
        """N, the size of the catalog."""
        return len(self.track_ids)

    def __len__(self) -> int:
        return len(self.items)

    def start(self, field: str) -> int:
        """Place of the first feature of a field."""
        return sum(self.sizes[: self.fields.index(field)])

    def select(self, rows: NDArray[np.generic]) -> Interactions:
        """Take some rows, by a mask or by their numbers."""
        return replace(
            self, features=self.features[rows], users=self.users[rows], items=self.items[rows]
        )

    def held_out(self, back: int = 1) -> tuple[Interactions, Interactions]:
        """Split off the last row of each user, or the one `back` from the end: (train, asked).

        What comes after it is in neither part. A user with nothing before it is not asked, and
        stays in training whole.
        """
        counts = np.bincount(self.users, minlength=len(self.user_ids))
        starts = np.cumsum(counts) - counts
        left = counts[self.users] - (np.arange(len(self)) - starts[self.users])  # 1: the last row
        enough = counts[self.users] > back
        return self.select((left > back) | ~enough), self.select((left == back) & enough)

    def pairs(self) -> Ints:
        """Each (user, item) that occurs, once, as user * N + item, rising."""
        return np.unique(self.users * self.n_items + self.items)


def interactions(
    frame: pl.DataFrame,
    fields: Sequence[str] = (USER,),
    *,
    sessions_of_track: int = 1,
    tracks_of_session: int = 1,
) -> Interactions:
    """Build them from canonical rows, a session a user.

    Tracks in fewer than `sessions_of_track` sessions, and sessions of fewer than
    `tracks_of_session` different tracks, are left out. Both are counted before either goes, and
    contexts are made before that, so that the previous track is the one that was played.

    Raises:
        ValueError: a field is unknown or there twice, or nothing is left.
    """
    if len(set(fields)) < len(fields) or not fields:
        raise ValueError(f"fields are {list(fields)}, expected at least one, each once")
    sessions = to_sessions(frame)
    users = np.repeat(np.arange(len(sessions)), sessions.lengths)
    items = sessions.items.astype(np.int64)
    pairs = np.unique(users * (sessions.n_items + 1) + items)
    in_sessions = np.bincount(pairs % (sessions.n_items + 1), minlength=sessions.n_items + 1)
    different = np.bincount(pairs // (sessions.n_items + 1), minlength=len(sessions))
    kept = (in_sessions[items] >= sessions_of_track) & (different[users] >= tracks_of_session)
    if not kept.any():
        raise ValueError(
            f"no row is left with tracks in {sessions_of_track} sessions or more and sessions of "
            f"{tracks_of_session} tracks or more; lower them"
        )
    who, users = np.unique(users[kept], return_inverse=True)
    what, found = np.unique(items[kept], return_inverse=True)
    columns = [
        Column(users, len(who))
        if name == USER
        else _kept(name, frame, items, sessions.n_items, kept)
        for name in fields
    ]
    starts = np.cumsum([0, *(each.size for each in columns)])[:-1]
    return Interactions(
        track_ids=tuple(sessions.track_ids[item - 1] for item in what.tolist()),
        user_ids=tuple(sessions.session_ids[i] for i in who.tolist()),
        fields=tuple(fields),
        sizes=tuple(each.size for each in columns),
        features=np.stack([each.ids for each in columns], axis=1) + starts,
        users=users.astype(np.int64),
        items=found.astype(np.int64),
    )


def _kept(
    name: str, frame: pl.DataFrame, items: Ints, n_items: int, kept: NDArray[np.bool_]
) -> Column:
    found = column(name, frame, items, n_items)
    return found._replace(ids=found.ids[kept])
