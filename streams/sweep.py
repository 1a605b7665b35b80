"""The sweep: a question for every few tracks, so that no weight of a track escapes the check.

Golden questions (golden.py) name a handful of tracks; damage to the weights of another would be
served. Here each track stands once in a history, and once among the tracks that are scored.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .bundle import Bundle
from .manifest import BundleError
from .ranking import Engine
from .reranking import TwoStageEngine

SWEPT = 20_000
"""Tracks that are swept, the first of the catalog: beyond, it would take seconds."""
_TOLERANCE = {"cpu": 1e-4, "cuda": 5e-2}
"""As parity is proven; tighter than the golden answers', since what moves a swept score by so much
may move another session's by several times that."""
_BATCH = 32
_DECIMALS = 5


def sweep(bundle: Bundle, engine: Engine) -> tuple[float, ...]:
    """Score each track after the tracks before it: element i is item i + 1.

    A network's alone: what a bundle of counts holds is compared as it is (`tables`). Behind it a
    second stage is not asked: it is compared so too.
    """
    if isinstance(engine, TwoStageEngine):
        engine = engine.first
    if bundle.encoder is None:
        return ()
    size = len(bundle.catalog)
    last = min(size, SWEPT)
    step = min(engine.length, engine.cutoff, size - 1)
    chunks = [np.arange(first, min(first + step, last + 1)) for first in range(1, last + 1, step)]
    scored = np.full(last + 1, np.nan)
    for begin in range(0, len(chunks), _BATCH):
        places = range(begin, min(begin + _BATCH, len(chunks)))
        asked = [chunks[place - 1] for place in places]  # the last chunk's go before the first
        histories = [[(int(item), int(item) % 5) for item in chunk] for chunk in asked]
        answers = [chunks[place] for place in places]
        scores, candidates = engine.top(histories, _all_but(answers, size))
        for row, items in enumerate(answers):
            found = dict(zip(candidates[row].tolist(), scores[row].tolist(), strict=True))
            scored[items] = [found.get(item, np.nan) for item in items.tolist()]
    return tuple(np.round(scored[1:], _DECIMALS).tolist())


def check_sweep(bundle: Bundle, engine: Engine) -> None:
    """Sweep again and compare with what was recorded, where something was.

    Raises:
        BundleError: a track's score differs, or is not finite.
    """
    if not bundle.manifest.sweep:
        return
    recorded = np.array(bundle.manifest.sweep)
    found = np.array(sweep(bundle, engine))
    near = _TOLERANCE[engine.provider] * np.maximum(1.0, np.abs(recorded))
    if len(found) != len(recorded):
        raise BundleError(
            f"{bundle.path} has {len(recorded)} swept scores, expected {len(found)}; "
            "export it again",
            "golden",
        )
    wrong = np.flatnonzero(~(np.abs(found - recorded) <= near))
    if len(wrong):
        first = int(wrong[0])
        raise BundleError(
            f"{bundle.path} fails its sweep: {len(wrong)} of {len(found)} tracks have other scores "
            f"than recorded, {bundle.catalog.track_ids[first]!r} {found[first]} and not "
            f"{recorded[first]}; export it again, and if that fails too, suspect this machine's "
            "runtime",
            "golden",
        )


def _all_but(answers: list[NDArray[np.int64]], size: int) -> NDArray[np.int64]:
    """For each row the items that must not be scored, (B, M), padded with 0."""
    wide = size - min(len(items) for items in answers)
    exclude = np.zeros((len(answers), wide), dtype=np.int64)
    for row, items in enumerate(answers):
        others = np.setdiff1d(np.arange(1, size + 1), items)
        exclude[row, : len(others)] = others
    return exclude
