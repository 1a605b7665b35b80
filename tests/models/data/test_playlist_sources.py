"""Playlists by name: sessions are playlists too."""

import numpy as np
import pytest

from models.data.playlist_sources import open_playlists


def test_each_session_is_a_playlist_in_the_order_of_play():
    source = open_playlists("simulated:sessions=20,tracks=120,seed=1")
    read, test = source.load()
    assert test is None
    assert source.simulated
    assert read.graph.n_playlists == 20
    assert read.graph.positions is not None


def test_sessions_with_a_clock_have_times(tmp_path):
    from .test_thirty_music import written  # its rows have seconds

    read, _ = open_playlists(f"30music:{written(tmp_path)}").load()
    assert read.playlist_ids == ("4", "9")
    assert read.duplicates == 2
    assert read.graph.times is not None
    assert read.graph.times.tolist() == [1_100, 1_300, 2_000, 2_100]


def test_pairs_and_slices_are_found_by_name(tmp_path):
    file = tmp_path / "pairs.txt"
    file.write_text("anna a b\n")
    read, test = open_playlists(f"pairs:{file}").load()
    assert (read.track_ids, test) == (("a", "b"), None)
    (tmp_path / "train.txt").write_text("0 1 2\n")
    (tmp_path / "test.txt").write_text("0 3\n")
    _, test = open_playlists(f"gowalla:{tmp_path}").load()
    assert test is not None
    assert np.array_equal(test.graph.tracks, [2])


def test_whoever_loads_is_told_of_files_that_were_read(tmp_path):
    for first in (0, 1000):
        file = tmp_path / f"mpd.slice.{first}-{first + 999}.json"
        file.write_text('{"playlists": [{"pid": 1, "tracks": [{"track_uri": "a"}]}]}')
    told = []
    open_playlists(f"mpd:{tmp_path}").load(lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("spec", "message"),
    [("mpd:nowhere", "no such path"), ("other:x", "gowalla:DIR"), ("pairs:", "pairs:PATH")],
)
def test_what_is_no_source_is_refused(spec, message):
    with pytest.raises(ValueError, match=message):
        open_playlists(spec)
