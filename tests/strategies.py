"""Hypothesis strategies: small listening sessions over small catalogs."""

from __future__ import annotations

from hypothesis import strategies as st

from models.sessions import Sessions, packed

TRACKS = tuple(f"t{i}" for i in range(8))


def plays(min_size: int = 1, max_size: int = 12) -> st.SearchStrategy[list[tuple[str, int]]]:
    """One session: (track_id, outcome) pairs, few tracks so that repeats and duplicates happen."""
    return st.lists(
        st.tuples(st.sampled_from(TRACKS), st.integers(0, 4)), min_size=min_size, max_size=max_size
    )


@st.composite
def sessions(draw: st.DrawFn, min_size: int = 0, max_size: int = 12) -> Sessions:
    """Packed sessions named s0, s1, ... over the catalog of what occurs."""
    drawn = draw(st.lists(plays(), min_size=min_size, max_size=max_size))
    return packed((f"s{i}", session) for i, session in enumerate(drawn))
