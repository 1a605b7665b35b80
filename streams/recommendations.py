"""From a session that was offered a list to the Recommendation record that tells the player."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from .events import Fallback, PlaybackEvent, Recommendation, RecommendedItem, Source
from .session import Arrival, Session


def recommendation(
    event: PlaybackEvent, event_id: str, session: Session, at: Arrival, now_ms: float
) -> Recommendation:
    """The answer to `event`: the list the session holds now, made for this event.

    Args:
        event: the event that is answered.
        event_id: its id, given or derived.
        session: the session after the event, with its offer.
        at: the event's place and append time.
        now_ms: the moment of sending, milliseconds since 1970.

    Raises:
        ValueError: the session was offered no list.
    """
    offer = session.offer
    if offer is None:
        raise ValueError(f"session {event.session_id!r} has no list; score it first")
    return Recommendation(
        recommendation_id=offer.recommendation_id,
        session_id=event.session_id,
        event_id=event_id,
        items=tuple(
            RecommendedItem(track_id, score, rank)
            for rank, (track_id, score) in enumerate(offer.items, start=1)
        ),
        model_version=offer.model_version,
        fallback=cast("Fallback | None", offer.fallback),
        source=Source(at.partition, at.offset),
        occurred_at=event.occurred_at,
        scored_at=rfc3339(now_ms),
        latency_ms=round(max(0.0, now_ms - at.appended_ms), 3),
    )


def rfc3339(ms: float) -> str:
    """Milliseconds since 1970 as RFC 3339 in UTC, to the millisecond."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
