"""Importing MSSD: duplicates, the files that come out, memory that the logs' size does not move."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from models.data import canonical
from models.data.mssd import read
from models.data.mssd_import import import_mssd
from models.data.track_features import FEATURES_FILE

from .logs import HEADER, features_header, features_row, row, rows, write_log

DOUBLED = [
    ("s1", [("x", 1), ("y", 4)]),
    ("s2", [("x", 1)]),
    ("s3", [("x", 2), ("y", 1)]),  # s1's tracks: a duplicate, whatever the outcomes
    ("s4", [("y", 1), ("x", 1)]),
    ("s5", [("x", 1)]),
]


@pytest.mark.parametrize("block_bytes", [150, 1 << 20])
def test_repeated_sequences_are_left_out_and_counted(tmp_path, block_bytes):
    log = write_log(tmp_path / "log.csv", rows(DOUBLED))
    out = tmp_path / "out"
    info = import_mssd(log, out, created_by="test", block_bytes=block_bytes)
    frame = canonical.scan(out).collect()
    assert frame["session_id"].unique(maintain_order=True).to_list() == ["s1", "s2", "s4"]
    assert (info.rows, info.sessions, info.tracks) == (5, 3, 2)
    assert info.notes["duplicates"] == 2
    assert canonical.read_info(out) == info
    assert sorted(file.name for file in out.iterdir()) == ["dataset.json", "sessions.parquet"]


def test_duplicates_stay_when_asked_for(tmp_path):
    log = write_log(tmp_path / "log.csv", rows(DOUBLED))
    info = import_mssd(log, tmp_path / "out", created_by="test", keep_duplicates=True)
    assert (info.sessions, info.notes["duplicates"]) == (5, 2)
    assert canonical.scan(tmp_path / "out").collect().equals(read(log))


def test_importing_twice_gives_the_same_bytes(tmp_path):
    log = write_log(tmp_path / "log.csv", rows(DOUBLED))
    results = []
    for _ in range(2):
        import_mssd(log, tmp_path / "out", created_by="test", block_bytes=150)
        results.append({file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()})
    assert results[0] == results[1]


def test_a_failed_import_leaves_what_was_there(tmp_path):
    out = tmp_path / "out"
    import_mssd(write_log(tmp_path / "log.csv", rows(DOUBLED)), out, created_by="test")
    before = (out / "sessions.parquet").read_bytes()
    with pytest.raises(ValueError, match="line 2"):
        import_mssd(write_log(tmp_path / "bad.csv", ["nonsense"]), out, created_by="test")
    assert (out / "sessions.parquet").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"out", "log.csv", "bad.csv"}


def test_skipped_rows_are_counted_with_examples(tmp_path):
    log = write_log(tmp_path / "log.csv", [*rows(DOUBLED), "nonsense"])
    info = import_mssd(log, tmp_path / "out", created_by="test", skip_malformed=True)
    assert info.notes["malformed_rows"] == 1
    assert json.dumps(info.notes["malformed_examples"]).count("line 10") == 1


def test_a_log_without_a_session_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no session"):
        import_mssd(write_log(tmp_path / "log.csv", []), tmp_path / "out", created_by="test")


def test_track_features_beside_the_logs_are_written_too(tmp_path):
    (tmp_path / "in").mkdir()
    write_log(tmp_path / "in" / "log_0.csv", rows(DOUBLED))
    features = "\n".join([features_header(), features_row("x"), features_row("y", "minor")])
    (tmp_path / "in" / "tf_000.csv").write_text(features + "\n")
    import_mssd(tmp_path / "in", tmp_path / "out", created_by="test")
    written = pl.read_parquet(tmp_path / "out" / FEATURES_FILE)
    assert written.select("track_id", "mode").rows() == [("x", "major"), ("y", "minor")]


PEAK = """
import resource, sys
from pathlib import Path
from models.data.mssd_import import import_mssd
import_mssd(Path(sys.argv[1]), Path(sys.argv[2]), created_by="test", block_bytes=1 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def peak_mib(log: Path, out: Path) -> int:
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(log), str(out)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    return int(done.stdout)


def test_peak_memory_does_not_follow_the_size_of_the_logs(tmp_path):
    def write(name: str, sessions: int) -> Path:
        path = Path(tmp_path, name)
        with path.open("w") as file:
            file.write(HEADER + "\n")
            for s in range(sessions):
                # Each session has tracks of its own order, so nothing is dropped as a duplicate.
                lines = [row(f"session-{s:032d}", p, 15, f"t{(s * p) % 997}") for p in range(1, 16)]
                file.write("\n".join(lines) + "\n")
        return path

    small, large = write("small.csv", 4_000), write("large.csv", 60_000)
    growth = (large.stat().st_size - small.stat().st_size) >> 20
    assert growth > 100  # held as a frame, the difference alone would be several times this
    assert peak_mib(large, tmp_path / "out") - peak_mib(small, tmp_path / "out") < growth / 2
