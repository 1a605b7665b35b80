"""A map of playlists: which are drawn, and what tells them apart."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.map import drawn
from models.map.draw import Wanted
from models.map.playlists import draw_playlists
from tests.maps import set_umap_aside

from .playlists import music
from .test_page import data_of

ARTISTS = {"a": "X", "b": "X", "c": "Y", "d": "Y", "e": "Z"}
HELD = {
    **{f"x{n}": ["a", "b", "e"] for n in range(4)},
    **{f"y{n}": ["c", "d", "e"] for n in range(4)},
    **{f"both{n}": ["a", "c", "d"] for n in range(4)},
    **{f"none{n}": ["e"] for n in range(8)},
}
MUSIC = music(HELD, artists=ARTISTS)
MATRIX = np.random.default_rng(0).standard_normal((len(HELD), 4)).astype(np.float32)


@pytest.fixture(autouse=True)
def without_umap(monkeypatch):
    set_umap_aside(monkeypatch)


def drawn_data(tmp_path: Path, **wanted: Any) -> tuple[drawn.Drawn, dict[str, Any]]:
    found = draw_playlists({"embedded": MATRIX}, MUSIC, tmp_path, wanted=Wanted(**wanted))
    return found, data_of(found.files[0].read_text("utf-8"))


def test_playlists_of_one_artist_of_the_other_and_of_both_are_told_apart(tmp_path):
    found, data = drawn_data(tmp_path, artists=("x", "Y"))
    (asked, artist, length) = data["colourings"]
    assert (asked["name"], artist["name"], length["name"]) == (
        "artists asked for", "artist", "length"
    )  # fmt: skip
    labels = [entry["label"] for entry in asked["legend"]]
    assert labels == ["X", "Y", "both"]
    for name, group in zip(data["ids"], asked["groups"], strict=True):
        kind = name.rstrip("0123456789")
        assert group == {"x": 0, "y": 1, "both": 2, "none": -1}[kind], name
    assert found.points == len(HELD)
    assert found.views["embedded"].keys() == {
        "trustworthiness_2d", "trustworthiness_3d", "same_artist@10", "same_asked@10"
    }  # fmt: skip


def test_a_playlist_says_its_foremost_artist_and_its_length(tmp_path):
    _, data = drawn_data(tmp_path)
    told = dict(zip(data["ids"], zip(data["artists"], data["remarks"], strict=True), strict=True))
    assert told["x0"] == ("X", "3 tracks")
    assert told["both3"] == ("Y", "3 tracks")
    assert told["none1"] == ("Z", "1 track")


def test_those_asked_for_are_drawn_before_any_other(tmp_path):
    _, data = drawn_data(tmp_path, artists=("Y",), most=9, playlist="none3")
    assert data["ids"][0] == "none3"
    assert data["rings"] == [0]
    assert {name.rstrip("0123456789") for name in data["ids"][1:]} == {"y", "both"}


def test_unknown_artists_and_playlists_are_refused_with_what_there_is(tmp_path):
    with pytest.raises(ValueError, match="features the artist 'Q'; Y, Z, X are in most"):
        drawn_data(tmp_path, artists=("Q",))
    with pytest.raises(ValueError, match="no playlist 'p', expected one like x0, x1"):
        drawn_data(tmp_path, playlist="p")
    with pytest.raises(ValueError, match="8 artists are asked for, expected 7 at most"):
        drawn_data(tmp_path, artists=("X",) * 8)
