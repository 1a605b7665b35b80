"""`segue recommend` as a person or a script calls it."""

import json

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.graph import app as graph
from cli.recommend import recommend
from tests.models.data.test_mpd import written

app = typer.Typer()
app.command()(recommend)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mpd")
    words = ["abcde", "abcd", "bcde", "acde", "fghi", "fghij", "ghij", "fhij"] * 4
    data = written(folder, "mpd.slice.0-999.json", list(enumerate(words)))
    arguments = ["train", "--data", f"mpd:{data}", "--k-core", "2", "--epochs", "20", "--at", "3"]
    sizes = ["--width", "8", "--learning-rate", ".05", "--out", str(folder / "g")]
    result = CliRunner().invoke(graph, [*arguments, *sizes], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return folder / "g"


def test_a_playlist_is_continued_with_titles(network, tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text("t:a t:b\nt:z\n")
    result = run("--model", network, "--playlist", file, "--top", 3, "--json")
    answer = json.loads(result.stdout)
    assert {track["track_id"] for track in answer["items"]} == {"t:c", "t:d", "t:e"}
    assert {track["title"] for track in answer["items"]} == {"C", "D", "E"}
    assert answer["unknown"] == ["t:z"]
    assert "1 tracks are not known and left out: t:z" in result.stderr
    assert "  1  " in run("--model", network, "--playlist", file).stdout


def test_it_is_told_either_what_is_liked_or_a_playlist(network, tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text("t:a")
    with pytest.raises(ValueError, match="either --like TEXT or --playlist FILE"):
        run("--model", network)
    with pytest.raises(ValueError, match="either --like TEXT or --playlist FILE"):
        run("--model", network, "--playlist", file, "--like", "A")
    with pytest.raises(ValueError, match="by --model DIR of segue graph train"):
        run("--playlist", file)


def test_a_file_without_tracks_is_refused(network, tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text("\n")
    with pytest.raises(ValueError, match="names no track"):
        run("--model", network, "--playlist", file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="not UTF-8"):
        run("--model", network, "--playlist", file)
