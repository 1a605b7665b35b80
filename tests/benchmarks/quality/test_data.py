"""What each seed trains on and is asked: nothing of the test is known to training."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.quality.data import Data, examine, fingerprint, suite_source
from benchmarks.quality.suite import FOLDER, read_suite
from models.data.sources import open_source
from models.sessions import packed

SUITE = read_suite(FOLDER / "mssd-mini.toml")


def walks(count: int, length: int = 12) -> Data:
    rng = np.random.default_rng(0)
    plays = []
    for i in range(count):
        start = int(rng.integers(0, 300))
        plays.append((f"s{i}", [(f"t{t}", 1) for t in range(start, start + length)]))
    sessions = packed(plays)
    return Data("walks", True, fingerprint(sessions), sessions)


def test_seeds_deal_the_sessions_out_anew_and_a_quick_look_takes_fewer():
    data = walks(200)
    first, second = (examine(SUITE, data, seed, quick=False) for seed in (0, 1))
    assert first.test.session_ids != second.test.session_ids
    quick = examine(replace(SUITE, quick=replace(SUITE.quick, sessions=50)), data, 0, quick=True)
    assert (len(quick.prepared.train), len(quick.prepared.valid), len(quick.test)) == (40, 5, 5)


def test_in_order_the_last_sessions_are_asked_about():
    data = walks(100)
    suite = replace(SUITE, split={"in_order": True, "fractions": [0.88, 0.02, 0.1]})
    exam = examine(suite, data, 0, quick=False)
    distinct = data.sessions.deduplicated()
    assert exam.test.session_ids == distinct.session_ids[-len(exam.test) :]
    assert len(exam.test) == pytest.approx(len(distinct) / 10, abs=1)


def test_duplicates_are_kept_where_the_split_says_so():
    data = Data("twice", True, "", packed([(f"s{i}", [("x", 1), ("y", 1)]) for i in range(20)]))
    suite = replace(SUITE, split={"in_order": True, "duplicates": True})
    exam = examine(suite, data, 0, quick=False)
    assert (len(exam.prepared.train), len(exam.test), exam.novel.tolist()) == (16, 2, [True, True])


def test_leave_one_out_asks_everyone_for_the_last_track():
    exam = examine(replace(SUITE, split={"leave_one_out": True}), walks(40), 0, quick=False)
    assert len(exam.test) == len(exam.prepared.train) == len(exam.prepared.valid)
    assert set(exam.prepared.train.lengths) == {10}


def test_novel_sessions_share_no_run_with_training():
    data = walks(200)
    exam = examine(SUITE, data, 0, quick=False)
    train = exam.prepared.parts.train
    runs = {
        tuple(t for t, _ in train.occurrences(i))[n : n + 10]
        for i in range(len(train))
        for n in range(3)
    }
    tracks = [tuple(t for t, _ in exam.prepared.parts.test.occurrences(i))
              for i in range(len(exam.test))]  # fmt: skip
    shared = [any(own[n : n + 10] in runs for n in range(3)) for own in tracks]
    assert exam.novel.tolist() == [not each for each in shared]
    assert 0 < sum(shared) < len(shared)


def test_the_fingerprint_is_of_tracks_order_and_outcomes():
    plays = {"a": [("x", 1), ("y", 1)]}
    same = fingerprint(packed(plays.items()))
    assert same == fingerprint(packed(plays.items()))
    for other in ([("y", 1), ("x", 1)], [("x", 1), ("y", 4)], [("x", 1), ("z", 1)]):
        assert fingerprint(packed([("a", other)])) != same
    assert fingerprint(packed([("b", plays["a"])])) != same


def test_data_of_one_session_is_refused():
    with pytest.raises(ValueError, match="walks has 1 sessions to divide, and none of the 0 to v"):
        examine(SUITE, walks(1), 0, quick=False)


def test_sessions_of_one_track_teach_nothing():
    with pytest.raises(ValueError, match="to train on has two tracks: nothing can be learned"):
        examine(SUITE, walks(100, length=1), 0, quick=False)


def test_data_that_is_not_there_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("SEGUE_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="give --data mssd-mini:PATH, or set SEGUE_DATA"):
        suite_source(SUITE, None)
    (tmp_path / "mssd-mini").mkdir()
    assert suite_source(SUITE, None).spec == f"mssd-mini:{tmp_path / 'mssd-mini'}"
    assert suite_source(SUITE, "simulated:sessions=5").simulated


def test_data_has_a_name_and_a_fingerprint(tmp_path):
    (tmp_path / "mine.txt").write_text("a b\na b\nb a\n")
    data = Data.read(open_source(f"sessions:{tmp_path / 'mine.txt'}"))
    assert (data.name, data.simulated, len(data.sessions)) == ("sessions", False, 3)
    assert data.sha256 == fingerprint(data.sessions)
