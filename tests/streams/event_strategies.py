"""Hypothesis strategies: a session's events, with where and when the broker appended them."""

from hypothesis import strategies as st

from streams.events import PlaybackEvent
from streams.recommendations import rfc3339
from streams.session import Arrival

BEGAN_MS = 1_795_239_000_000  # 2026-11-21T05:30:00Z
MINUTE_MS = 60_000
SHORT = (0, 1, 4_000, 29 * MINUTE_MS)
ANY_GAP = (*SHORT, -5 * MINUTE_MS, 30 * MINUTE_MS, 30 * MINUTE_MS + 1, 45 * MINUTE_MS)
KINDS = ("start", "play", "skip", "other")

Delivered = tuple[PlaybackEvent, Arrival]


@st.composite
def listening(
    draw: st.DrawFn,
    *,
    gaps: tuple[int, ...] = ANY_GAP,
    max_size: int = 15,
    kinds: tuple[str, ...] = KINDS,
) -> list[Delivered]:
    """Events of one session in the order of their partition; few tracks, so that they repeat."""
    steps = draw(
        st.lists(
            st.tuples(
                st.sampled_from(kinds),
                st.sampled_from("abc"),
                st.sampled_from(gaps),
                st.sampled_from((None, 1, 2, 3)),
                st.integers(1, 5),
            ),
            max_size=max_size,
        )
    )
    events: list[Delivered] = []
    now, offset = BEGAN_MS, 0
    for number, (kind, track, gap, strength, step) in enumerate(steps):
        now, offset = now + gap, offset + step
        event = PlaybackEvent(
            session_id="s",
            track_id=track,
            event=kind,
            occurred_at=rfc3339(now),
            event_id=f"e{number}",
            skip_strength=strength if kind == "skip" else None,
        )
        events.append((event, Arrival(0, offset, max(now, BEGAN_MS))))
    return events


def json_values() -> st.SearchStrategy[object]:
    """Anything that JSON can say, and a little more (NaN, endless numbers)."""
    text = st.text(st.characters(exclude_categories=()), max_size=5)  # lone surrogates too
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | text,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
        max_leaves=5,
    )


def almost_events() -> st.SearchStrategy[dict[str, object]]:
    """Objects with the contract's own keys and any values, so that every check is reached."""
    known = {
        "session_id": st.text(max_size=3) | json_values(),
        "track_id": st.text(max_size=3) | json_values(),
        "event": st.sampled_from(("start", "play", "skip", "pause")) | json_values(),
        "occurred_at": st.just(rfc3339(BEGAN_MS)) | st.datetimes().map(str) | json_values(),
    }
    extra = {
        name: json_values()
        for name in (*PlaybackEvent.__struct_fields__[4:], "mood")
        if name not in known
    }
    return st.fixed_dictionaries(known, optional=extra)
