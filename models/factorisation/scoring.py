"""Scorers for rows of features: a factorisation machine, popularity, and nearest neighbours.

The baselines of Ibero, Pérez & Martínez (UPC, 2021), section 3, on what users have: no ratings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .fm import FactorizationMachine
from .interactions import Interactions

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FmScorer:
    """What is left of a machine for ranking."""

    features: Floats  # (M, D)
    items: Floats  # (N, D)
    weights: Floats  # (N,)

    @classmethod
    def of(cls, model: FactorizationMachine) -> FmScorer:
        """Take the embeddings as they are now."""
        features, items, weights = (part.numpy() for part in model.parts())
        return cls(features, items, weights)

    @classmethod
    def summed(cls, machines: Sequence[FmScorer]) -> FmScorer:
        """Add up scores: a sum of inner products is one, of all the embeddings side by side."""
        return cls(
            features=np.concatenate([each.features for each in machines], axis=1),
            items=np.concatenate([each.items for each in machines], axis=1),
            weights=np.sum([each.weights for each in machines], axis=0),
        )

    def scores(self, features: Ints, users: Ints) -> Floats:
        """Score by the row's sum, (q, F) -> (q, N); what all items have in common is left out."""
        found: Floats = self.features[features].sum(axis=1) @ self.items.T + self.weights
        return found


@dataclass(frozen=True, eq=False)
class Popular:
    """The same list for everyone."""

    counts: Floats  # (N,) users of each item

    @classmethod
    def fit(cls, train: Interactions) -> Popular:
        """Count."""
        items = train.pairs() % train.n_items
        return cls(np.bincount(items, minlength=train.n_items).astype(np.float32))

    def scores(self, features: Ints, users: Ints) -> Floats:
        """Give the counts, (q, N)."""
        return np.broadcast_to(self.counts, (len(users), len(self.counts)))


@dataclass(frozen=True, eq=False)
class UserKnn:
    """What the most similar users have, by cosine: an item has the sum of its users' similarity."""

    has: Floats  # (U, N) rows of length 1
    neighbours: int

    @classmethod
    def fit(cls, train: Interactions, neighbours: int = 40) -> UserKnn:
        """Note who has what."""
        has = _matrix(train)
        return cls(has / np.maximum(np.linalg.norm(has, axis=1, keepdims=True), 1), neighbours)

    def scores(self, features: Ints, users: Ints) -> Floats:
        """Score what the neighbours have, (q, N)."""
        similar = self.has[users] @ self.has.T  # (q, U)
        similar[np.arange(len(users)), users] = 0
        found: Floats = _nearest(similar, self.neighbours) @ (self.has > 0).astype(np.float32)
        return found


@dataclass(frozen=True, eq=False)
class ItemKnn:
    """Items most similar to those that the user has, by cosine over users, added up."""

    has: Floats  # (U, N)
    similar: Floats  # (N, N) of an item, in its column, to its neighbours

    @classmethod
    def fit(cls, train: Interactions, neighbours: int = 20) -> ItemKnn:
        """Compare all items, and keep the nearest of each."""
        has = _matrix(train)
        scaled = has / np.maximum(np.linalg.norm(has, axis=0), 1)
        similar = scaled.T @ scaled
        np.fill_diagonal(similar, 0)
        return cls(has, _nearest(similar, neighbours).T)

    def scores(self, features: Ints, users: Ints) -> Floats:
        """Add up, (q, N)."""
        found: Floats = self.has[users] @ self.similar
        return found


def _nearest(similar: Floats, count: int) -> Floats:
    """Zero all but the `count` highest of each row (more where some are equal)."""
    if count < similar.shape[1]:
        least = -np.partition(-similar, count - 1, axis=1)[:, count - 1]
        similar[similar < least[:, None]] = 0
    return similar


def _matrix(train: Interactions) -> Floats:
    has = np.zeros((len(train.user_ids), train.n_items), np.float32)
    has.flat[train.pairs()] = 1
    return has
