"""Which tracks share a colour."""

import pytest

from models.map.colouring import COLOURS, OTHERS, RAMP, colourings

from .playlists import music

HELD = {"long": ["a", "b", "c"], "short": ["c", "d"], "again": ["a"], "more": ["a"]}
MUSIC = music(HELD, artists={"a": "X", "b": "Y", "d": "X"})
BARE = music(HELD, kind="session")
TRACKS = ("a", "b", "c", "d")


def test_without_names_there_are_playlists_and_popularity():
    assert [found.name for found in colourings(BARE, TRACKS)] == ["session", "popularity"]


def test_artists_of_most_tracks_have_a_colour_and_the_others_none():
    found = {colouring.name: colouring for colouring in colourings(MUSIC, TRACKS)}
    assert found["artist"].labels == ("X", "Y")
    assert found["artist"].groups == (0, 1, OTHERS, 0)


def test_a_track_of_several_playlists_goes_with_the_largest():
    found = {colouring.name: colouring for colouring in colourings(MUSIC, TRACKS)}
    labels = found["playlist"].labels
    assert labels == tuple(f"playlist {name}" for name in ("long", "short", "again", "more"))
    assert found["playlist"].groups == (0, 0, 0, 1)


def test_popularity_rises_along_the_ramp():
    found = {colouring.name: colouring for colouring in colourings(MUSIC, TRACKS)}["popularity"]
    assert found.groups[0] == len(RAMP) - 1
    assert found.groups[3] == 0
    assert found.ends == ("in 1", "in 3 playlists")


def test_artists_that_are_asked_for_come_first_whatever_their_case():
    found = colourings(MUSIC, TRACKS, artists=["y", "x"])[0]
    assert (found.name, found.labels, found.groups) == (
        "artists asked for", ("Y", "X"), (1, 0, OTHERS, 1)
    )  # fmt: skip


def test_a_playlist_and_what_is_near_it_stand_out():
    found = colourings(MUSIC, TRACKS, playlist=["c"], near=["a"])[0]
    assert (found.name, found.groups) == ("one playlist", (1, OTHERS, 0, OTHERS))


def test_an_artist_without_a_track_is_refused_with_those_that_have_some():
    with pytest.raises(ValueError, match="artist 'Z' has no track on this map; X, Y have most"):
        colourings(MUSIC, TRACKS, artists=["Z"])
    with pytest.raises(ValueError, match="sessions names no artists"):
        colourings(BARE, TRACKS, artists=["Z"])
    with pytest.raises(ValueError, match="9 artists are asked for"):
        colourings(MUSIC, TRACKS, artists=["X"] * (len(COLOURS) + 1))
