"""Proof that the exported graphs rank as the torch module does, through the engine that serves.

Not a test of the model's quality; a wrong model passes if it is wrong in both.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from streams.bundle import BundleError
from streams.ranking import Engine

from .blend import Blend

TOLERANCE = 1e-4
BATCHES = (1, 2, 64)


class Parity(NamedTuple):
    """What was compared, and the worst of it."""

    cases: int  # sessions
    worst: float  # largest |torch - ONNX Runtime| of a score


def prove_parity(
    model: nn.Module,
    engine: Engine,
    matrix: NDArray[np.float32],
    bias: NDArray[np.float32] | None = None,
    *,
    blend: Blend | None = None,
    seed: int = 0,
    tolerance: float = TOLERANCE,
) -> Parity:
    """Compare scores and candidates for batches of 1, 2 and 64 at every T from 1 to L.

    Sessions are random items with random outcomes; half of each batch has random lengths up to T.
    A hybrid's counts are mixed in by `blend`.
    Equal scores have no order, so sets are compared above the K-th score less the tolerance.

    Raises:
        BundleError: a score is not finite or differs by more, an item is masked, doubled or
            missing; the message names the worst case.
    """
    encoder = copy.deepcopy(model).cpu().eval()
    rng = np.random.default_rng(seed)
    cases, worst = 0, 0.0
    for size, length in ((b, t) for t in range(1, engine.length + 1) for b in BATCHES):
        sessions = list(_sessions(rng, size, length, len(matrix) - 1))
        exclude = np.array([[session[-1][0]] for session in sessions])
        expected = _torch_scores(encoder, sessions, engine.length, matrix, bias)
        if blend is not None:
            expected = blend.scores(expected, sessions)
        expected[:, 0] = expected[np.arange(size), exclude[:, 0]] = -np.inf
        scores, candidates = engine.top(sessions, exclude)
        for row in range(size):
            where = f"row {row} of batch {size} at T={length}"
            difference = compared(expected[row], scores[row], candidates[row], where, tolerance)
            worst = max(worst, difference)
            cases += 1
    return Parity(cases, worst)


def _sessions(
    rng: np.random.Generator, size: int, length: int, items: int
) -> Iterator[list[tuple[int, int]]]:
    for row in range(size):
        own = length if row % 2 == 0 else int(rng.integers(1, length + 1))
        yield list(
            zip(
                rng.integers(1, items + 1, own).tolist(),
                rng.integers(0, 5, own).tolist(),
                strict=True,
            )
        )


def _torch_scores(
    encoder: nn.Module,
    sessions: list[list[tuple[int, int]]],
    length: int,
    matrix: NDArray[np.float32],
    bias: NDArray[np.float32] | None,
) -> NDArray[np.float32]:
    """Score the whole catalog with torch, packing the sessions anew: (B, N + 1)."""
    items = torch.zeros(len(sessions), length, dtype=torch.int64)
    outcomes = torch.zeros_like(items)
    for row, session in enumerate(sessions):
        items[row, : len(session)] = torch.tensor([item for item, _ in session])
        outcomes[row, : len(session)] = torch.tensor([outcome for _, outcome in session])
    lengths = torch.tensor([len(session) for session in sessions])
    with torch.no_grad():
        logits = encoder(items, outcomes, lengths) @ torch.from_numpy(matrix).T
    scores: NDArray[np.float32] = logits.numpy()
    return scores if bias is None else scores + bias


def compared(
    expected: NDArray[np.float32],
    scores: NDArray[np.float32],
    candidates: NDArray[np.int64],
    where: str,
    tolerance: float,
) -> float:
    """Give the largest difference of a row's scores, or refuse the row."""
    allowed = np.flatnonzero(~np.isneginf(expected))
    if not np.isfinite(expected[allowed]).all():
        raise BundleError(f"torch itself gives a score that is not finite ({where}); train again")
    count = min(len(candidates), len(allowed))
    found, got = candidates[:count], scores[:count]
    if len(set(found.tolist())) != count or not np.isin(found, allowed).all():
        raise BundleError(
            f"no parity: candidates {found.tolist()[:10]}… ({where}) hold a masked item or one "
            "twice; the exported graph is wrong: check the exporter's version"
        )
    differences = np.abs(got - expected[found])
    worst = int(np.argmax(np.nan_to_num(differences, nan=np.inf)))
    if not differences[worst] <= tolerance:
        raise BundleError(
            f"no parity: item {found[worst]} scores {got[worst]} in ONNX Runtime and "
            f"{expected[found[worst]]} in torch ({where}), expected a difference of at most "
            f"{tolerance}; check the exporter's version, and masks and dtypes in the model"
        )
    cut = float(np.partition(expected[allowed], -count)[-count])
    missing = np.setdiff1d(np.flatnonzero(expected > cut + 2 * tolerance), found)
    if len(missing):
        raise BundleError(
            f"no parity: item {missing[0]} scores {expected[missing[0]]} in torch, above the "
            f"last candidate's {cut}, and is no candidate in ONNX Runtime ({where})"
        )
    return float(differences[worst])
