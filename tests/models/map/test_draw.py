"""A map as it is asked for; UMAP stands aside here, since it takes half a minute to load."""

import numpy as np
import pytest

from models.items.track_embeddings import TrackEmbeddings
from models.map import draw as drawing
from models.map.draw import Wanted, draw
from tests.maps import set_umap_aside

from .playlists import music
from .test_page import data_of

TRACKS = tuple(f"t{i}" for i in range(30))
HELD = {f"p{i}": [TRACKS[(i * 3 + j) % 30] for j in range(5)] for i in range(10)}
MUSIC = music(HELD, artists={track: f"A{track[-1]}" for track in TRACKS}, simulated=True)


@pytest.fixture(autouse=True)
def without_umap(monkeypatch):
    set_umap_aside(monkeypatch)
    monkeypatch.setattr(drawing, "spread_out", lambda matrix, seed: matrix[:, :2])


def embedded(tracks=TRACKS, seed=0) -> TrackEmbeddings:
    drawn = np.random.default_rng(seed).standard_normal((len(tracks), 6)).astype(np.float32)
    return TrackEmbeddings(tuple(tracks), drawn)


def test_all_that_is_asked_for_is_drawn(tmp_path):
    wanted = Wanted(artists=("a3", "A4"), playlist="p2")
    found = draw({"before": embedded(seed=1), "after": embedded()}, MUSIC, tmp_path, wanted=wanted)
    names = ["map.html", "map_2d.png", "map_3d.png", "playlist.png"]
    assert [file.name for file in found.files] == names
    assert all(file.read_bytes()[:4] == b"\x89PNG" for file in found.files[1:])
    data = data_of(found.files[0].read_text("utf-8"))
    assert [view["name"] for view in data["views"]] == ["before", "after"]
    looks = [colouring["name"] for colouring in data["colourings"]]
    assert looks == ["artists asked for", "one playlist", "artist", "playlist", "popularity"]
    assert [data["ids"][i] for i in data["rings"]] == ["t6", "t7", "t8", "t9", "t10"]
    assert "simulated" in found.files[0].read_text("utf-8")
    assert found.points == 30
    assert set(found.views) == {"before", "after"}
    assert set(found.views["after"]) == {
        "trustworthiness_2d", "trustworthiness_3d", "same_artist@10", "same_playlist@10"
    }  # fmt: skip
    assert 0 <= (found.chance["same_artist@10"] or -1) <= 1


def test_the_most_played_are_drawn_and_a_playlists_own_tracks_in_any_case(tmp_path):
    often = {f"{copy} of {track}": [track] for copy in "12" for track in TRACKS[:20]}
    held = music({**often, "rare": ["t25"]}, kind="session")
    found = draw({"embedded": embedded()}, held, tmp_path, wanted=Wanted(most=18, playlist="rare"))
    assert found.points == 19
    assert "t25" in data_of(found.files[0].read_text("utf-8"))["ids"]


def test_only_tracks_of_both_files_and_the_data_are_drawn(tmp_path):
    found = draw(
        {"before": embedded(TRACKS[5:]), "after": embedded([*TRACKS, "x"])}, MUSIC, tmp_path
    )
    assert found.points == 25


def test_embeddings_of_other_music_are_refused(tmp_path):
    with pytest.raises(ValueError, match="30 tracks and shares 0 with the embeddings: 'x' …"):
        draw({"embedded": embedded(["x", "y"])}, MUSIC, tmp_path)


def test_a_map_of_one_track_is_refused():
    with pytest.raises(ValueError, match="shows nothing"):
        Wanted(most=1)
