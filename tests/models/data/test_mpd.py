"""Slices of the Million Playlist Dataset, read one by one."""

import json
from pathlib import Path

import pytest

from models.data.mpd import files, read


def written(folder: Path, name: str, playlists: list[tuple[int, str]]) -> Path:
    """Write a slice whose playlists have a track for each letter."""
    listed = [
        {
            "pid": pid,
            "name": "mine",
            "tracks": [
                {"track_uri": f"t:{a}", "track_name": a.upper(), "artist_name": "A", "pos": i}
                for i, a in enumerate(word)
            ],
        }
        for pid, word in playlists
    ]
    file = folder / name
    file.write_text(json.dumps({"info": {}, "playlists": listed}))
    return file


def test_slices_are_read_in_order_of_their_numbers_over_one_catalog(tmp_path):
    written(tmp_path, "mpd.slice.1000-1999.json", [(1000, "dab")])
    written(tmp_path, "mpd.slice.0-999.json", [(0, "abca"), (1, "")])
    told = []
    found = read(tmp_path, lambda done, total: told.append((done, total)))
    assert found.playlist_ids == ("0", "1", "1000")
    assert found.track_ids == ("t:a", "t:b", "t:c", "t:d")
    assert [found.graph.row(p).tolist() for p in range(3)] == [[0, 1, 2], [], [0, 1, 3]]
    assert found.graph.positions is not None
    assert found.graph.positions.tolist() == [0, 1, 2, 1, 2, 0]
    assert found.duplicates == 1
    assert found.about is not None
    assert found.about["title"].to_list() == ["A", "B", "C", "D"]
    assert told == [(0, 2), (1, 2), (2, 2)]


def test_a_core_takes_names_along(tmp_path):
    written(tmp_path, "mpd.slice.0-999.json", [(0, "xab"), (1, "ab"), (2, "ba"), (3, "z")])
    core = read(tmp_path).core(2)
    assert core.playlist_ids == ("0", "1", "2")
    assert core.track_ids == ("t:a", "t:b")
    assert core.about is not None
    assert core.about["title"].to_list() == ["A", "B"]
    assert core.graph.positions is not None
    assert core.graph.positions.tolist() == [1, 2, 0, 1, 1, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"playlists": [{"pid": 1, "tracks": [{"pos": 0}]}]}', r"track_uri.*tracks\[0\]"),
        ('{"playlists": [{"pid": 1', "truncated"),
        ("[]", "object"),
    ],
)
def test_a_malformed_slice_is_named_with_what_is_wrong_and_what_to_do(tmp_path, text, message):
    written(tmp_path, "mpd.slice.0-999.json", [(0, "ab")])
    (tmp_path / "mpd.slice.1000-1999.json").write_text(text)
    with pytest.raises(ValueError, match=rf"mpd\.slice\.1000-1999\.json is no slice.*{message}"):
        read(tmp_path)


def test_where_there_is_no_slice_it_says_what_was_expected(tmp_path):
    with pytest.raises(ValueError, match=r"mpd\.slice\.\*\.json"):
        files(tmp_path)
    written(tmp_path, "mpd.slice.0-999.json", [(0, "")])
    with pytest.raises(ValueError, match="no track in the 1 slices"):
        read(tmp_path)


def test_the_sample_has_its_known_sizes(data_dir):
    found = read(data_dir / "mpd")
    assert (found.graph.n_playlists, found.graph.n_tracks) == (1_029, 33_376)
    assert found.graph.n_edges + found.duplicates == 63_209
