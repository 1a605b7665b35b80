"""Playlists that are numbered, and their core."""

import numpy as np
import polars as pl
import pytest

from models.data.playlists import numbered


def test_a_core_keeps_what_belongs_to_its_nodes():
    about = pl.DataFrame({"title": list("XYZ"), "artist": list("xyz"), "album": list("xyz")})
    found = numbered(
        ["p", "q", "r"], ["x", "y", "z"], np.array([0, 0, 1, 1, 2]), np.array([0, 2, 2, 0, 1]),
        about=about,
    )  # fmt: skip
    core = found.core(2)
    assert (core.playlist_ids, core.track_ids) == (("p", "q"), ("x", "z"))
    assert core.about is not None
    assert core.about["title"].to_list() == ["X", "Z"]
    with pytest.raises(ValueError, match="K of at most 2"):
        found.core(3)
