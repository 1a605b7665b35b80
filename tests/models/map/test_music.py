"""What a map knows of tracks, from playlists with names and from sessions without."""

import json

import pytest

from models.map.music import Music, open_music

PLAYLISTS = [
    {"pid": 7, "tracks": [("b", "B", "Y"), ("a", "A", "X"), ("b", "B", "Y")]},
    {"pid": 9, "tracks": [("b", "B", "Y"), ("c", "", "")]},
]


@pytest.fixture
def music(tmp_path) -> Music:
    keys = ("track_uri", "track_name", "artist_name")
    playlists = [
        {**found, "tracks": [dict(zip(keys, track, strict=True)) for track in found["tracks"]]}  # type: ignore[attr-defined]
        for found in PLAYLISTS
    ]
    (tmp_path / "mpd.slice.0-1.json").write_text(json.dumps({"playlists": playlists}))
    return open_music(f"mpd:{tmp_path}")


def test_playlists_come_with_the_names_they_have(music):
    assert (music.name, music.kind, music.simulated) == ("mpd", "playlist", False)
    assert music.titles == {"a": "A", "b": "B"}
    assert music.artists == {"a": "X", "b": "Y"}
    assert music.holders == {"b": 2, "a": 1, "c": 1}


def test_the_tracks_of_a_playlist_come_once_each_and_in_order(music):
    assert music.tracks_of("7") == ("b", "a")
    with pytest.raises(ValueError, match="no playlist '8', expected one like 7, 9"):
        music.tracks_of("8")


def test_owners_are_the_playlists_that_hold_a_track(music):
    found = music.owners(["b", "nowhere", "a", "c"])
    assert [owners.tolist() for owners in found] == [[0, 1], [], [0], [1]]


def test_sessions_are_read_too_and_have_no_names():
    music = open_music("simulated:sessions=20,tracks=100")
    assert (music.kind, music.simulated, music.titles) == ("session", True, {})
    assert sum(music.holders.values()) == music.playlists.graph.n_edges


def test_what_is_no_slice_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there is none in it"):
        open_music(f"mpd:{tmp_path}")
    (tmp_path / "mpd.slice.0-1.json").write_text('{"playlists": 3}')
    with pytest.raises(ValueError, match="is no slice of the Million Playlist Dataset"):
        open_music(f"mpd:{tmp_path}")
