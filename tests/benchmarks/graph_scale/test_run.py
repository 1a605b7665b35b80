"""A small graph is measured, and its slices hold what was drawn."""

import numpy as np

from benchmarks.graph_scale.run import STEPS, main, measured
from benchmarks.graph_scale.simulated import pairs, write_slices
from benchmarks.graph_scale.table import markdown
from models.data import mpd
from models.data.playlists import numbered


def test_slices_hold_the_playlists_that_were_drawn(tmp_path):
    owners, tracks, n_playlists, n_tracks = pairs(5000, np.random.default_rng(1))
    size = write_slices(tmp_path, owners, tracks, n_playlists)
    assert size == sum(file.stat().st_size for file in tmp_path.iterdir())
    found = mpd.read(tmp_path)
    names = [f"spotify:track:{n:022d}" for n in range(n_tracks)]
    drawn = numbered(map(str, range(n_playlists)), names, owners, tracks)
    assert found.playlist_ids == drawn.playlist_ids
    for playlist in range(n_playlists):
        expected = {names[track] for track in drawn.graph.row(playlist)}
        assert {found.track_ids[track] for track in found.graph.row(playlist)} == expected


def test_each_part_is_measured_and_told():
    row = measured(0.1, steps=2)
    assert row["before"]["edges"] > row["after"]["edges"] > 0
    assert row["stages"]["read"]["seconds"] > 0
    peaks = [stage["peak_gib"] for stage in row["stages"].values()]
    assert min(peaks) > 0
    result = {
        "command": ["segue"], "commit": "c", "date": "2026-01-01", "machine": {"processor": "p"},
        "layers": 3, "width": 64, "k": 30, "rows": [row],
        "steps": {name: {"batch": batch} for name, (_, batch) in STEPS.items()},
    }  # fmt: skip
    table = markdown(result)
    assert "| million edges | 0.1 |" in table
    assert "| the whole graph, 2,048 pairs: a step; an epoch, minutes | " in table


def test_sizes_are_measured_one_by_one(tmp_path, capsys):
    assert main(["--millions", "0.1", "--steps", "2", "--out", str(tmp_path / "scale.json")]) == 0
    assert "30-core" in capsys.readouterr().out
    assert (tmp_path / "scale.md").exists()
