"""`segue graph map` as a person or a script calls it; UMAP stands aside."""

import json

import pytest
from typer.testing import CliRunner, Result

from cli.graph import app
from tests.maps import set_umap_aside

TRACKS = [("a", "X"), ("b", "X"), ("c", "Y"), ("d", "Y"), ("e", "Z"), ("f", "Z")]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def train(data: str, out, *more: object) -> None:
    small = ("--width", 4, "--batch", 64, "--at", "2", "--seed", 1)
    result = run("train", "--data", data, "--out", out, *small, *more)
    assert result.exit_code == 0, result.output


@pytest.fixture
def trained(tmp_path, monkeypatch):
    set_umap_aside(monkeypatch)
    playlists = [
        {
            "pid": pid,
            "tracks": [
                {"track_uri": uri, "track_name": uri.upper(), "artist_name": artist}
                for uri, artist in (TRACKS[pid % 6], TRACKS[(pid + 1) % 6], TRACKS[(pid + 2) % 6])
            ],
        }
        for pid in range(40)
    ]
    (tmp_path / "mpd.slice.0-39.json").write_text(json.dumps({"playlists": playlists}))
    train(f"mpd:{tmp_path}", tmp_path / "g", "--epochs", 2, "--k-core", 2)
    return tmp_path / "g"


def test_playlists_are_drawn_and_those_of_two_artists_picked_out(trained, tmp_path):
    out = tmp_path / "map"
    result = run(
        "map", "--model", trained, "--artist", "x", "--artist", "Y", "--out", out, "--json"
    )
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["playlists"] == 40
    assert answer["views"]["embedded"].keys() == {
        "trustworthiness_2d", "trustworthiness_3d", "same_artist@10", "same_asked@10"
    }  # fmt: skip
    assert [file.rpartition("/")[2] for file in answer["files"]] == [
        "map.html", "map_2d.png", "map_3d.png"
    ]  # fmt: skip
    assert "bringing 40 playlists" in result.stderr
    assert "same_asked@10" in run("map", "--model", trained, "--artist", "x", "--out", out).stdout


def test_networks_of_the_same_playlists_stand_side_by_side(trained, tmp_path):
    train(f"mpd:{tmp_path}", tmp_path / "young", "--epochs", 1, "--k-core", 2)
    arguments = ("--model", trained, "--before", tmp_path / "young", "--out", tmp_path / "map")
    answer = json.loads(run("map", *arguments, "--json").stdout)
    assert list(answer["views"]) == ["before", "after"]

    train(
        "simulated:sessions=80,tracks=100,seed=1", tmp_path / "others", "--k-core", 2, "--epochs", 1
    )
    with pytest.raises(ValueError, match=r"others has other playlists than .*g: train both"):
        run("map", *arguments, "--before", tmp_path / "others")
