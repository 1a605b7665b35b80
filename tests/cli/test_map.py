"""`segue map` as a person or a script calls it; UMAP stands aside (tests/models/map has it)."""

import json

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.map import map_
from models.data.sources import open_source
from models.items.track_embeddings import write_embeddings
from models.map import draw as drawing
from models.map import drawn
from tests.bundles import counts_files, place
from tests.colistening import factorised
from tests.maps import set_umap_aside

DATA = "simulated:sessions=80,tracks=100,seed=1"
app = typer.Typer()
app.command()(map_)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


@pytest.fixture
def items(tmp_path, monkeypatch):
    set_umap_aside(monkeypatch)
    monkeypatch.setattr(drawing, "spread_out", lambda matrix, seed: matrix[:, :2])
    path = tmp_path / "items.safetensors"
    write_embeddings(path, factorised(open_source(DATA).load(), 8))
    return path


def test_what_was_written_and_the_numbers_are_told_in_json(items, tmp_path):
    result = run("--items", items, "--data", DATA, "--out", tmp_path / "map", "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["files"] == [
        str(tmp_path / "map" / name) for name in ("map.html", "map_2d.png", "map_3d.png")
    ]
    assert answer["simulated"] is True
    assert answer["views"]["embedded"]["trustworthiness_3d"] == 0.8
    near, chance = answer["views"]["embedded"], answer["chance"]
    assert near["same_session@10"] > chance["same_session@10"]
    assert near["same_artist@10"] is None
    assert "bringing" in result.stderr


def test_several_others_stand_before_it_by_their_names(items, tmp_path):
    others = [tmp_path / f"epoch{number}.safetensors" for number in (1, 5)]
    for other in others:
        other.write_bytes(items.read_bytes())
    before = [argument for other in others for argument in ("--before", other)]
    out = tmp_path / "map"
    result = run("--items", items, "--data", DATA, "--out", out, "--json", *before)
    assert list(json.loads(result.stdout)["views"]) == ["epoch1", "epoch5", "items"]


def test_an_environment_without_umap_exits_3(items, tmp_path, monkeypatch):
    def missing(matrix, seed):
        raise ModuleNotFoundError("No module named 'umap'")

    monkeypatch.setattr(drawn, "projected", missing)
    result = run("--items", items, "--data", DATA, "--out", tmp_path / "map")
    assert result.exit_code == 3
    assert "install umap-learn" in result.stderr


def test_a_bundle_of_counts_has_nothing_to_draw(items, tmp_path):
    bundle = place(counts_files(), tmp_path / "bundle")
    with pytest.raises(ValueError, match="counts alone"):
        run("--items", bundle, "--data", DATA, "--out", tmp_path / "map")
