"""Small disks: filled to the last byte, given back, seen by nobody else, gone in the end."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import errno, os, sys
from pathlib import Path
from benchmarks.chaos import disks
if not disks.possible():
    sys.exit(77)
folder = Path(sys.argv[1])
with disks.mounted([folder], megabytes=2):
    disks.fill(folder)
    try:
        (folder / "more").write_bytes(b"x" * 4096)
    except OSError as err:
        assert err.errno == errno.ENOSPC
    else:
        raise AssertionError("there was room")
    disks.empty(folder)
    (folder / "more").write_bytes(b"x" * 4096)
    others = Path("/proc/%d/mountinfo" % os.getppid()).read_text()
    assert str(folder) not in others
assert not list(folder.iterdir())
"""


def test_a_small_disk_fills_up_is_emptied_and_goes_with_its_process(tmp_path):
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "disk")]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("needs root on Linux, and the right to mount")
    assert done.returncode == 0, done.stderr
    assert not list((tmp_path / "disk").iterdir())
