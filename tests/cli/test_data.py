"""`segue data` as a person or a script calls it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from cli.data import app
from tests.models.data.logs import rows, write_log

LOG = [("s1", [("x", 1), ("y", 4)]), ("s2", [("x", 2), ("y", 1)]), ("s3", [("z", 3)])]


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def log(tmp_path):
    return write_log(tmp_path / "log_0.csv", rows(LOG))


def test_importing_mssd_reports_what_was_written_and_left_out(tmp_path, log):
    out = tmp_path / "out"
    report = json.loads(run("import", "mssd", log, "--out", out, "--json"))
    assert report["out"] == str(out)
    assert (report["sessions"], report["rows"], report["simulated"]) == (2, 3, False)
    assert report["notes"]["duplicates"] == 1
    assert (out / "sessions.parquet").exists()


def test_duplicates_can_be_kept(tmp_path, log):
    out = tmp_path / "out"
    assert "3 sessions" in run("import", "mssd", log, "--out", out, "--keep-duplicates")


def test_progress_goes_to_stderr_so_stdout_stays_json(tmp_path, log):
    result = CliRunner().invoke(
        app, ["import", "mssd", str(log), "--out", str(tmp_path / "o"), "--json"]
    )
    assert "reading logs: 100 %" in result.stderr
    assert json.loads(result.stdout)["sessions"] == 2


def test_importing_the_dense_subset_drops_its_duplicates(tmp_path):
    lines = ['"user_id","song_id","previous_song","skipped"']
    lines += ["1,7,-1,4", "1,8,7,0", "2,7,-1,1", "2,8,7,4", "3,8,-1,4"]
    (tmp_path / "mini.csv").write_text("\n".join(lines))
    report = json.loads(
        run("import", "mssd-mini", tmp_path / "mini.csv", "--out", tmp_path / "out", "--json")
    )
    assert (report["sessions"], report["notes"]["duplicates"]) == (2, 1)
    shown = json.loads(run("show", f"parquet:{tmp_path / 'out'}", "--json"))
    assert (shown["name"], shown["sessions"], shown["duplicates"]) == ("mssd-mini", 2, 0)


def test_what_is_simulated_says_so_everywhere(tmp_path):
    out = tmp_path / "out"
    text = run("simulate", "--out", out, "--seed", 1, "--sessions", 30, "--set", "repeat=0.2")
    assert "30 simulated sessions" in text
    assert json.loads((out / "dataset.json").read_text())["simulated"] is True
    assert json.loads(run("show", f"parquet:{out}", "--json"))["simulated"] is True
    assert "simulated        True" in run("show", f"parquet:{out}")


def test_a_dense_subset_is_chosen_of_raw_logs_and_both_readings_are_shown(tmp_path, log):
    result = CliRunner().invoke(
        app,
        ["mini", str(log), "--out", str(tmp_path / "o"), "--sessions", "1", "--shortest", "2",
         "--json"],
    )  # fmt: skip
    assert result.stderr.count("reading logs: 100 %") == 1
    report = json.loads(result.stdout)
    assert (report["sessions"], report["notes"]["sessions_read"]) == (1, 3)


def test_the_same_seed_simulates_the_same_files(tmp_path):
    for name in ("one", "two"):
        run("simulate", "--out", tmp_path / name, "--seed", 5, "--sessions", 20)
    one, two = (
        {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()}
        for name in ("one", "two")
    )
    assert one == two


@pytest.mark.parametrize(
    "arguments",
    [
        ["import", "spotify", ".", "--out", "o"],
        ["import", "mssd", "/nowhere", "--out", "o"],
        ["show", "nothing"],
        ["mini", "/nowhere", "--out", "o"],
        ["simulate", "--out", "o", "--set", "colour=1"],
    ],
)
def test_misuse_raises_what_main_turns_into_exit_2(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, ValueError)
    assert list(tmp_path.iterdir()) == []
