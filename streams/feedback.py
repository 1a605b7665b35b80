"""What was offered joined with what was heard: feedback records and the counts of hits and skips.

Pure. Which list was current is settled when an occurrence begins (session.py).
"""

from __future__ import annotations

from typing import NamedTuple

from .catalog import Catalog
from .events import HEARD, UNKNOWN, Feedback
from .session import Occurrence


class Tally(NamedTuple):
    """How one finished occurrence counts for the live quality figures."""

    hit: bool
    popularity_hit: bool
    outcome: str
    """`heard`, `skipped` or `unknown`."""


def feedback(session_id: str, occurrence: Occurrence) -> Feedback:
    """The feedback record of a finished occurrence."""
    return Feedback(
        event_id=occurrence.event_id,
        session_id=session_id,
        position=occurrence.position,
        track_id=occurrence.track_id,
        outcome=occurrence.outcome,
        rank=occurrence.rank,
        recommendation_id=occurrence.recommendation_id,
        model_version=occurrence.model_version,
        propensity=None,
        occurred_at=occurrence.occurred_at,
    )


def tally(occurrence: Occurrence, catalog: Catalog, k: int = 10) -> Tally | None:
    """Count an occurrence, or None for a session's first, which no list could foresee.

    The popularity list of the same catalog is held to the same rules: the track before is masked,
    and a track the catalog does not know is a miss.
    """
    if occurrence.position == 0:
        return None
    return Tally(
        hit=occurrence.rank is not None and occurrence.rank <= k,
        popularity_hit=_popularity_hit(occurrence, catalog, k),
        outcome={UNKNOWN: "unknown", HEARD: "heard"}.get(occurrence.outcome, "skipped"),
    )


def _popularity_hit(occurrence: Occurrence, catalog: Catalog, k: int) -> bool:
    item = catalog.item(occurrence.track_id)
    if item == 0 or occurrence.track_id == occurrence.previous:
        return False
    rank = catalog.popularity_rank(item)
    masked = catalog.item(occurrence.previous) if occurrence.previous is not None else 0
    if masked and catalog.popularity_rank(masked) < rank:
        rank -= 1
    return rank <= k
