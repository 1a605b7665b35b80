"""Kept outcomes: found again by all that they depend on, whole, and never by another's."""

import numpy as np
import pytest

from benchmarks.quality.outcome import Outcome
from benchmarks.quality.work import Work

from .test_comparisons import outcome

CONFIG = {"seed": 0, "config": {"width": 16}}


@pytest.fixture
def made() -> Outcome:
    n = 8
    return outcome(
        "a b/c", np.arange(1, n + 1), won=np.ones(n), pairs=np.ones(n, np.int64),
        sampled_ranks=np.arange(n) + 1,
    )  # fmt: skip


def test_an_outcome_is_found_again_as_it_was(tmp_path, made):
    Work(tmp_path, "code").keep("a b/c", CONFIG, made)
    found = Work(tmp_path, "code").find("a b/c", dict(CONFIG))
    assert found is not None
    assert found.rows() == made.rows()
    assert (found.losses, found.valid, found.commit) == ([2.0], [0.3], "abc")
    ours, theirs = (o.answers["next-track"] for o in (found, made))
    assert np.array_equal(ours.novel, theirs.novel)
    for name in ("session", "heard", "ranks", "sampled_ranks", "won", "pairs"):
        assert np.array_equal(getattr(ours.evaluation, name), getattr(theirs.evaluation, name))


def test_another_configuration_name_or_code_finds_nothing(tmp_path, made):
    work = Work(tmp_path, "code")
    work.keep("a", CONFIG, made)
    assert work.find("a", {**CONFIG, "seed": 1}) is None
    assert work.find("b", CONFIG) is None
    assert Work(tmp_path, "other").find("a", CONFIG) is None
    assert Work(tmp_path, "other", any_code=True).find("a", CONFIG) is not None


def test_a_write_that_broke_off_is_not_an_outcome(tmp_path, made):
    work = Work(tmp_path, "code")
    work.keep("a", CONFIG, made)
    (kept,) = tmp_path.iterdir()
    kept.rename(kept.with_suffix(".tmp"))
    assert work.find("a", CONFIG) is None


def test_a_damaged_outcome_is_named(tmp_path, made):
    work = Work(tmp_path, "code")
    work.keep("a", CONFIG, made)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"\.npz cannot be read: .*; delete it to make it anew"):
        work.find("a", CONFIG)


def test_a_training_has_a_folder_of_its_own(tmp_path):
    work = Work(tmp_path, "code")
    assert work.training(CONFIG) == work.training(dict(CONFIG))
    assert work.training(CONFIG) != work.training({**CONFIG, "seed": 1})
    assert work.training(CONFIG) != Work(tmp_path, "other").training(CONFIG)
