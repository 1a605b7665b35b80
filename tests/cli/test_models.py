import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from cli.models import app
from models.items.track_embeddings import TrackEmbeddings, write_embeddings
from streams.bundle import BundleError
from tests.bundles import counts_files, network_files, place


def run(*arguments: Path | str) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_sound_bundle_verifies(tmp_path):
    result = run("verify", place(network_files(), tmp_path))
    assert result.exit_code == 0
    assert result.stdout.startswith("ok: tiny v0, 150 tracks")


def test_verify_says_in_json_what_a_worker_would_serve(tmp_path):
    result = run("verify", place(counts_files(), tmp_path), "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 0
    assert len(answer.pop("sha256")) == 64
    assert answer == {
        "ok": True,
        "name": "markov",
        "version": "v0",
        "provider": "cpu",
        "tracks": 12,
    }


@pytest.mark.parametrize("as_json", [False, True])
def test_a_damaged_bundle_exits_1_with_the_reason(as_json, tmp_path):
    raw = bytearray(network_files()["items.safetensors"])
    raw[-64:] = bytes(64)
    place({**network_files(), "items.safetensors": bytes(raw)}, tmp_path)
    result = run("verify", tmp_path, *["--json"] * as_json)
    assert result.exit_code == 1
    if as_json:
        answer = json.loads(result.stdout)
        assert answer["ok"] is False
        assert "items.safetensors has sha256" in answer["reason"]
    else:
        assert "items.safetensors has sha256" in result.stderr
        assert result.stdout == ""


def test_show_gives_the_manifest(tmp_path):
    place(network_files(), tmp_path)
    answer = json.loads(run("show", tmp_path, "--json").stdout)
    assert answer["architecture"] == "TinyEncoder"
    assert answer["metrics"] == {"hit_rate@10": 0.5}
    assert "metrics.hit_rate@10" in run("show", tmp_path).stdout


def test_show_refuses_what_does_not_open(tmp_path):
    assert isinstance(run("show", tmp_path).exception, BundleError)


def test_extend_adds_the_tracks_of_a_file_and_the_bundle_verifies(tmp_path):
    path, items = place(network_files(), tmp_path / "old"), tmp_path / "items.safetensors"
    tracks = [*(f"t{item}" for item in range(1, 100)), "new-1", "new-2"]
    drawn = np.random.default_rng(0).standard_normal((len(tracks), 5)).astype(np.float32)
    write_embeddings(items, TrackEmbeddings(tuple(tracks), drawn))
    arguments = ["--items", items, "--out", tmp_path / "new", "--json"]
    result = run("extend", path, *arguments)
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert (answer["added"], answer["known"], answer["tracks"]) == (2, 99, 152)
    assert run("verify", tmp_path / "new").stdout.startswith("ok: tiny")
