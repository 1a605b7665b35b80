"""Questions to a ranker: "what follows the first so many occurrences of this session?"

Made from held-out sessions, a chunk at a time, with the targets beside them. Nothing is scored
here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .sessions import Sessions, padded

Floats = NDArray[np.floating]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

ProtocolName = Literal["next-track", "leave-last-out", "loo-full"]
PROTOCOLS: tuple[ProtocolName, ...] = ("next-track", "leave-last-out", "loo-full")
HEARD = 1


class Questions(NamedTuple):
    """Question q: what follows the first `depth[q]` known occurrences of session `row[q]`?"""

    items: Ints  # (B, L) known occurrences only, oldest first, right-padded with 0
    outcomes: Ints  # (B, L)
    row: Ints  # (n,)
    depth: Ints  # (n,) 0 where the catalog knows nothing of the session yet
    current: Ints  # (n,) item of the newest occurrence, 0 if the catalog does not know it

    def take(self, chosen: Ints | slice) -> Questions:
        """Give some of the questions about the same sessions."""
        return self._replace(
            row=self.row[chosen], depth=self.depth[chosen], current=self.current[chosen]
        )

    def windows(self, length: int) -> tuple[Ints, Ints, Ints]:
        """Newest `length` known occurrences: items (n, T), outcomes (n, T), lengths (n,)."""
        columns = np.maximum(self.depth - length, 0)[:, None] + np.arange(length)  # (n, T)
        inside = columns < self.depth[:, None]
        at = self.row[:, None], np.minimum(columns, self.items.shape[1] - 1)
        return self.items[at] * inside, self.outcomes[at] * inside, np.minimum(self.depth, length)

    def newest(self) -> Ints:
        """Newest known item of each, (n,)."""
        found: Ints = self.items[self.row, self.depth - 1]
        return found


class Ranker(Protocol):
    """Anything that scores a catalog."""

    name: str
    n_items: int  # N
    listed: int | None  # how many it ranks; None: all of them

    def scores(self, questions: Questions, allowed: Bools | None = None) -> Floats:
        """Score every item, (n, N + 1), column 0 meaning nothing; -inf where it lists none.

        Every question has a depth of 1 or more, and the array is the caller's. `allowed` (n, N + 1)
        are the only items whose scores will be read; a ranker that scores all may ignore it.
        """


class Asked(NamedTuple):
    """Questions about one chunk of sessions, and what happened."""

    questions: Questions
    items: Ints  # (B, L) all occurrences, unknown ones 0
    outcomes: Ints  # (B, L)
    session: Ints  # (n,) number of the session in the whole set
    position: Ints  # (n,) column of the newest occurrence
    target: Ints  # (n,)
    heard: Bools  # (n,) whether the target was listened to

    def take(self, cut: slice) -> Asked:
        """Give some of the questions about the same sessions."""
        return self._replace(
            questions=self.questions.take(cut),
            session=self.session[cut],
            position=self.position[cut],
            target=self.target[cut],
            heard=self.heard[cut],
        )

    def seen(self) -> Ints:
        """Items of the session up to the newest occurrence, (n, L), 0 after it."""
        so_far = np.arange(self.items.shape[1]) <= self.position[:, None]
        found: Ints = self.items[self.questions.row] * so_far
        return found

    def following(self, horizon: int) -> tuple[Ints, Ints]:
        """Items and outcomes of the next `horizon` occurrences, both (n, H), 0 past the end."""
        columns = self.position[:, None] + 1 + np.arange(horizon)
        inside = columns < self.items.shape[1]
        at = self.questions.row[:, None], np.minimum(columns, self.items.shape[1] - 1)
        return self.items[at] * inside, self.outcomes[at] * inside


def ask(sessions: Sessions, protocol: ProtocolName, scores: int) -> Iterator[Asked]:
    """Ask about all sessions, in chunks of about `scores` scores (questions times catalog)."""
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol {protocol!r}, expected one of {', '.join(PROTOCOLS)}")
    longest = int(sessions.lengths.max(initial=1)) if protocol == "next-track" else 1  # questions
    widest = int(sessions.lengths.max(initial=1))  # one long session pads all of its chunk
    size = max(1, min(scores // (longest * (sessions.n_items + 1)), scores // widest))
    for start in range(0, len(sessions), size):
        numbers = np.arange(start, min(start + size, len(sessions)))
        yield _asked(sessions.select(numbers), numbers, protocol)


def _asked(chunk: Sessions, numbers: Ints, protocol: ProtocolName) -> Asked:
    items, outcomes, lengths = padded(chunk, max(1, int(chunk.lengths.max(initial=1))))
    columns = np.arange(items.shape[1])
    if protocol == "next-track":
        wanted = columns < (lengths - 1)[:, None]
    else:
        wanted = columns == (lengths - 2)[:, None]
    row, position = np.nonzero(wanted)
    known = items > 0
    order = np.argsort(~known, axis=1, kind="stable")  # known occurrences first, order kept
    questions = Questions(
        items=np.take_along_axis(items, order, axis=1),
        outcomes=np.take_along_axis(outcomes * known, order, axis=1),
        row=row,
        depth=known.cumsum(axis=1)[row, position],
        current=items[row, position],
    )
    return Asked(
        questions,
        items,
        outcomes,
        session=numbers[row],
        position=position,
        target=items[row, position + 1],
        heard=outcomes[row, position + 1] == HEARD,
    )
