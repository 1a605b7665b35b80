"""Golden questions: histories whose answers were recorded when the bundle was written.

sha256 says that the bytes arrived; these say that this machine computes from them what the writer
did. They pass through the same engine and rules that serve.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from .bundle import Bundle
from .manifest import BundleError, Golden
from .ranking import BundleScorer, Engine, History

_DEPTH = 10  # tracks of each answer that are recorded
TOLERANCE = {"cpu": 1e-3, "cuda": 5e-2}  # other kernels and threads; fp16 on the GPU


def ask(bundle: Bundle, engine: Engine, histories: Iterable[History]) -> tuple[Golden, ...]:
    """Record the answers that the engine gives now.

    Raises:
        BundleError: a history cannot be answered by the model alone.
    """
    questions = [tuple(history) for history in histories]
    rankings = BundleScorer(bundle, engine, k=_DEPTH).rank(questions)
    for question, ranking in zip(questions, rankings, strict=True):
        if ranking.fallback is not None:
            raise BundleError(
                f"the model answers {_tracks(question)} with {ranking.fallback}, expected scores; "
                "its weights may not be finite: train again",
                "golden",
            )
    return tuple(
        Golden(history=question, answer=ranking.items)
        for question, ranking in zip(questions, rankings, strict=True)
    )


def check_golden(bundle: Bundle, engine: Engine) -> None:
    """Ask the manifest's questions again and compare with its answers.

    Tracks whose scores are equal within rounding may change places; nothing else may.

    Raises:
        BundleError: there are none, or a track's score or the score at a rank differs.
    """
    golden = bundle.manifest.golden
    if not golden:
        raise BundleError(f"{bundle.path} has no golden answers; export it again", "golden")
    scorer = BundleScorer(bundle, engine, k=bundle.manifest.cutoff)
    for recorded, ranking in zip(golden, scorer.rank([g.history for g in golden]), strict=True):
        found = {} if ranking.fallback else dict(ranking.items)
        by_rank = list(found.values())
        for rank, (track_id, score) in enumerate(recorded.answer):
            near = TOLERANCE[engine.provider] * max(1.0, abs(score))
            got = found.get(track_id, math.nan)
            at_rank = by_rank[rank] if rank < len(by_rank) else math.nan
            if not (abs(got - score) <= near and abs(at_rank - score) <= near):
                raise BundleError(
                    f"{bundle.path} fails a golden question: after {_tracks(recorded.history)} "
                    f"{track_id!r} scores {ranking.fallback or got} and rank {rank + 1} scores "
                    f"{at_rank}, recorded was {score} (within {near:.2g}); export it again, and "
                    "if that fails too, suspect this machine's runtime",
                    "golden",
                )


def _tracks(history: History) -> list[str]:
    return [track_id for track_id, _ in history]
