"""Packed listening sessions: splits, duplicates, catalogs and padded batches.

Everything here is numpy over one flat array of occurrences (CSR: session `i` is the slice
`offsets[i]:offsets[i + 1]`). It reads no file (`models.data` makes these) and draws no batch
(training does).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]
MAX_OUTCOME = 4  # 0 unknown, 1 heard, 2 skipped late, 3 skipped early, 4 skipped at once


@dataclass(frozen=True, eq=False)
class Sessions:
    """Sessions over one catalog: item `i` (1..N) is `track_ids[i - 1]`, 0 a track not in it."""

    track_ids: tuple[str, ...]
    session_ids: tuple[str, ...]  # S, in the order of the data set
    offsets: Ints  # (S + 1,), offsets[0] is 0 and offsets[-1] is n
    items: NDArray[np.int32]  # (n,)
    outcomes: NDArray[np.int8]  # (n,)

    def __post_init__(self) -> None:
        if len(self.offsets) != len(self.session_ids) + 1:
            raise ValueError(
                f"{len(self.session_ids)} session ids need {len(self.session_ids) + 1} offsets, "
                f"got {len(self.offsets)}"
            )
        if self.offsets[0] != 0 or np.any(np.diff(self.offsets) < 0):
            raise ValueError("offsets must start at 0 and never fall")
        if not len(self.items) == len(self.outcomes) == self.offsets[-1]:
            raise ValueError(
                f"offsets end at {self.offsets[-1]}, but there are {len(self.items)} items "
                f"and {len(self.outcomes)} outcomes"
            )
        if len(self.items) and not 0 <= self.items.min() <= self.items.max() <= self.n_items:
            raise ValueError(f"items must lie in 0..{self.n_items}, got {self.items.max()}")

    @property
    def n_items(self) -> int:
        """N, the size of the catalog, padding not counted."""
        return len(self.track_ids)

    @property
    def lengths(self) -> Ints:
        """Occurrences in each session, (S,)."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.session_ids)

    def session(self, i: int) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
        """Items and outcomes of session `i`, oldest first, as views."""
        part = slice(int(self.offsets[i]), int(self.offsets[i + 1]))
        return self.items[part], self.outcomes[part]

    def occurrences(self, i: int) -> list[tuple[str, int]]:
        """Session `i` as (track_id, outcome); an item 0 has no track and is left out."""
        items, outcomes = self.session(i)
        return [
            (self.track_ids[item - 1], outcome)
            for item, outcome in zip(items.tolist(), outcomes.tolist(), strict=True)
            if item
        ]

    def counts(self) -> Ints:
        """Occurrences of each item, (N + 1,)."""
        return np.bincount(self.items, minlength=self.n_items + 1).astype(np.int64)

    def select(self, index: ArrayLike) -> Sessions:
        """Take the sessions at these positions (or where a mask is true), over the same catalog."""
        chosen = np.asarray(index)
        chosen = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen.astype(np.int64)
        lengths = self.lengths[chosen]
        offsets = _offsets(lengths)
        # Flat positions: each session's start, repeated, plus a count from 0 inside the session.
        flat = np.repeat(self.offsets[:-1][chosen] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return replace(
            self,
            session_ids=tuple(self.session_ids[i] for i in chosen.tolist()),
            offsets=offsets,
            items=self.items[flat],
            outcomes=self.outcomes[flat],
        )

    def shortened(self, cut: ArrayLike) -> Sessions:
        """The same sessions without their newest `cut` occurrences, one number or (S,)."""
        lengths = np.maximum(self.lengths - np.asarray(cut), 0)
        offsets = _offsets(lengths)
        kept = np.arange(offsets[-1]) + np.repeat(self.offsets[:-1] - offsets[:-1], lengths)
        return replace(self, offsets=offsets, items=self.items[kept], outcomes=self.outcomes[kept])

    def deduplicated(self) -> Sessions:
        """Keep the first session of every sequence of tracks, whatever the outcomes; order kept."""
        seen: set[bytes] = set()
        kept = []
        for i in range(len(self)):
            sequence = self.session(i)[0].tobytes()
            if sequence not in seen:
                seen.add(sequence)
                kept.append(i)
        return self.select(np.array(kept, dtype=np.int64))

    def reindexed(self, track_ids: Sequence[str]) -> Sessions:
        """The same sessions over another catalog; tracks it does not have become item 0."""
        index = {track_id: item for item, track_id in enumerate(track_ids, start=1)}
        table = np.zeros(self.n_items + 1, dtype=np.int32)
        table[1:] = [index.get(track_id, 0) for track_id in self.track_ids]
        return replace(self, track_ids=tuple(track_ids), items=table[self.items])

    def compacted(self, min_count: int = 1) -> Sessions:
        """Over what occurs `min_count` times or more: most frequent first, ties by track_id."""
        counts = self.counts()[1:]
        kept = np.flatnonzero(counts >= max(1, min_count)).tolist()
        kept.sort(key=lambda i: (-int(counts[i]), self.track_ids[i]))
        return self.reindexed([self.track_ids[i] for i in kept])

    def known(self, least: int = 1) -> Sessions:
        """Without unknown tracks, and without the sessions that then hold fewer than `least`."""
        kept = self.items > 0
        ends = np.concatenate([[0], np.cumsum(kept)])[self.offsets]
        known = replace(self, offsets=ends, items=self.items[kept], outcomes=self.outcomes[kept])
        return known.select(known.lengths >= least)

    def same_as(self, other: Sessions) -> bool:
        """Whether both hold the same sessions over the same catalog, in the same order."""
        return (
            self.track_ids == other.track_ids
            and self.session_ids == other.session_ids
            and np.array_equal(self.offsets, other.offsets)
            and np.array_equal(self.items, other.items)
            and np.array_equal(self.outcomes, other.outcomes)
        )


def packed(
    sessions: Iterable[tuple[str, Sequence[tuple[str, int]]]],
    track_ids: Sequence[str] | None = None,
) -> Sessions:
    """Pack (session_id, [(track_id, outcome), ...]) pairs; with no catalog, over what occurs."""
    pairs = list(sessions)
    found = dict.fromkeys(track_id for _, plays in pairs for track_id, _ in plays)
    catalog = tuple(found if track_ids is None else track_ids)
    index = {track_id: item for item, track_id in enumerate(catalog, start=1)}
    flat: list[Any] = [play for _, plays in pairs for play in plays]
    result = Sessions(
        track_ids=catalog,
        session_ids=tuple(session_id for session_id, _ in pairs),
        offsets=_offsets([len(plays) for _, plays in pairs]),
        items=np.array([index.get(track_id, 0) for track_id, _ in flat], dtype=np.int32),
        outcomes=np.array([outcome for _, outcome in flat], dtype=np.int8),
    )
    return result.compacted() if track_ids is None else result


def joined(parts: Sequence[Sessions]) -> Sessions:
    """All the sessions of several parts over one and the same catalog, in order."""
    if not parts or any(part.track_ids != parts[0].track_ids for part in parts[1:]):
        raise ValueError("sessions can only be joined over one catalog: call reindexed() first")
    return Sessions(
        track_ids=parts[0].track_ids,
        session_ids=tuple(name for part in parts for name in part.session_ids),
        offsets=_offsets(np.concatenate([part.lengths for part in parts])),
        items=np.concatenate([part.items for part in parts]),
        outcomes=np.concatenate([part.outcomes for part in parts]),
    )


def split_by_session(
    sessions: Sessions, seed: int | None, fractions: Sequence[float] = (0.8, 0.1, 0.1)
) -> tuple[Sessions, ...]:
    """Partition whole sessions into parts of these shares, each in the old order.

    They are dealt out at random; without a seed the first part holds the first sessions, and so on.
    """
    if min(fractions, default=-1) < 0 or abs(sum(fractions) - 1) > 1e-9:
        raise ValueError(f"fractions must be positive and sum to 1, got {tuple(fractions)}")
    order = np.arange(len(sessions))
    if seed is not None:
        order = np.random.default_rng(seed).permutation(len(sessions))
    ends = np.rint(np.cumsum(fractions) * len(sessions)).astype(np.int64)
    return tuple(sessions.select(np.sort(part)) for part in np.split(order, ends[:-1]))


def without_shared_runs(test: Sessions, train: Sessions, length: int = 10) -> Sessions:
    """Test sessions that have no run of `length` consecutive tracks in common with any of train's.

    Runs are compared by a 64-bit hash: a collision could only drop one test session too many.
    """
    if test.track_ids != train.track_ids:
        raise ValueError("test and train must share one catalog: call reindexed() first")
    if length < 1:
        raise ValueError(f"length must be 1 or more, got {length}")
    known, _ = _runs(train, length)
    runs, owners = _runs(test, length)
    shared = np.zeros(len(test), dtype=np.bool_)
    shared[owners[np.isin(runs, known)]] = True
    return test.select(~shared)


def padded(sessions: Sessions, length: int) -> tuple[Ints, Ints, Ints]:
    """Right-pad the last `length` occurrences: items (S, T), outcomes (S, T), lengths (S,)."""
    if length < 1:
        raise ValueError(f"length must be 1 or more, got {length}")
    lengths = np.minimum(sessions.lengths, length)
    columns = np.arange(length)
    valid = columns < lengths[:, None]  # (S, T)
    flat = ((sessions.offsets[1:] - lengths)[:, None] + columns)[valid]
    items = np.zeros(valid.shape, dtype=np.int64)
    outcomes = np.zeros(valid.shape, dtype=np.int64)
    items[valid] = sessions.items[flat]
    outcomes[valid] = sessions.outcomes[flat]
    return items, outcomes, lengths


def _offsets(lengths: ArrayLike) -> Ints:
    return np.concatenate([[0], np.cumsum(np.asarray(lengths, dtype=np.int64))]).astype(np.int64)


def _runs(sessions: Sessions, length: int) -> tuple[NDArray[np.uint64], Ints]:
    """Hash of every run of `length` items inside a session, and the session it lies in."""
    rng = np.random.default_rng(0x5E60E)  # the same for both sides, or nothing would ever match
    codes = rng.integers(0, 2**64, sessions.n_items + 1, dtype=np.uint64)[sessions.items]
    factors = rng.integers(0, 2**64, length, dtype=np.uint64) | np.uint64(1)
    owners = np.repeat(np.arange(len(sessions)), sessions.lengths)
    n = max(0, len(codes) - length + 1)
    hashes = np.zeros(n, dtype=np.uint64)
    for j, factor in enumerate(factors):
        hashes += codes[j : j + n] * factor
    inside = owners[:n] == owners[length - 1 : length - 1 + n]
    return hashes[inside], owners[:n][inside]
