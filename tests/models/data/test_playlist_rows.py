"""Playlists as sessions: in order, once, with titles and artists."""

import numpy as np
import pytest

from models.data.names import Index, names
from models.data.playlist_rows import rows
from models.data.playlists import numbered
from models.data.sources import open_source

from .test_mpd import written


def test_a_playlist_is_a_session_in_its_order_and_a_track_stands_where_it_stood_first(tmp_path):
    slice_ = written(tmp_path, "mpd.slice.0-999.json", [(0, "dabda"), (1, ""), (2, "c")])
    source = open_source(f"mpd:{slice_}")
    frame = source.frame()
    assert (source.name, source.simulated) == ("mpd", False)
    assert frame.select("session_id", "position", "track_id", "outcome", "title").rows() == [
        ("0", 0, "t:d", 1, "D"),
        ("0", 1, "t:a", 1, "A"),
        ("0", 2, "t:b", 1, "B"),
        ("2", 0, "t:c", 1, "C"),
    ]
    assert source.load().session_ids == ("0", "2")
    index = Index(names(frame, ("t:c", "t:d")))
    assert (index.find("d"), index.find("a")) == ([1], [0, 1])  # a title, and the artist A


def test_without_names_there_are_none():
    frame = rows(numbered(["p"], ["x", "y"], np.array([0, 0]), np.array([1, 0])))
    assert frame.select("track_id", "title", "artist").rows() == [
        ("y", None, None),
        ("x", None, None),
    ]


def test_no_slice_says_so(tmp_path):
    with pytest.raises(ValueError, match="is no slice"):
        open_source(f"mpd:{tmp_path}").frame()


@pytest.mark.data
def test_the_piece_at_hand_has_its_known_size(data_dir):
    frame = open_source(f"mpd:{data_dir / 'mpd'}").frame()
    assert frame["session_id"].n_unique() <= 1_029
    assert frame["track_id"].n_unique() == 33_376
    assert frame["title"].null_count() == 0
