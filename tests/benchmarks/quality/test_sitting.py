"""A suite that was interrupted: what is done is kept, what is under way goes on."""

from dataclasses import replace

import pytest

from benchmarks.quality.data import Data
from benchmarks.quality.sitting import sit
from benchmarks.quality.suite import FOLDER, read_suite
from benchmarks.quality.work import Work
from models.data.sources import open_source

SUITE = read_suite(FOLDER / "mssd-mini.toml").chosen(("sasrec", "hybrid")).hastened()
DATA = Data.read(open_source("simulated:sessions=150,tracks=100"))


class Stopped(Exception):
    """Raised where a kill would be."""


def run(work: Work, seeds: tuple[int, ...], stop: str | None = None) -> list[str]:
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if stop is not None and stop in line:
            raise Stopped

    protocols = SUITE.protocols[:1]
    sit(replace(SUITE, protocols=protocols), DATA, seeds, work, quick=True, commit="abc", say=say)
    return said


def folders(work: Work) -> list[str]:
    return [path.name for path in work.folder.iterdir() if path.is_dir()]


def test_a_hybrid_finds_its_network_after_an_interruption(tmp_path):
    work = Work(tmp_path, "code")
    with pytest.raises(Stopped):
        run(work, (0,), stop="hybrid (10 of 10): counting")
    assert len(folders(work)) == 1
    again = run(work, (0,))
    assert sum("epoch 1" in line for line in again) == 0
    assert sum("kept from an earlier run" in line for line in again) == 9
    assert folders(work) == []


def test_a_run_removes_no_training_but_its_own(tmp_path):
    work = Work(tmp_path, "code")
    with pytest.raises(Stopped):
        run(work, (1,), stop="epoch 2")
    (under_way,) = folders(work)
    run(work, (0,))
    assert folders(work) == [under_way]
    went_on = run(work, (1,))
    assert not any("epoch 1," in line for line in went_on)
    assert folders(work) == []
