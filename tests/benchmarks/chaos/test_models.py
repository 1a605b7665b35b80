"""Damaged bundles given to a follower: none serves, and a sound one does."""

import logging
from pathlib import Path

import msgspec
import pytest
import safetensors.numpy
from onnx import ModelProto

from benchmarks.chaos.corruptions import KINDS
from benchmarks.chaos.damage import Damage, signed, with_graph
from benchmarks.chaos.models import Trial, run_trial
from tests.bundles import counts_files, network_files, place


@pytest.fixture
def trial(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Trial:
    caplog.set_level(logging.CRITICAL, logger="streams")
    return Trial(place(network_files(), tmp_path / "sound"), tmp_path)


def test_no_kind_and_none_of_many_corruptions_is_served(trial):
    result, kinds = run_trial(trial, 60, seed=3)
    assert [damage.kind for damage in kinds] == list(KINDS)
    assert result["sound_copy_serves"]
    assert result["faults"] == []
    assert result["served"] == 0
    assert result["count"] == 72
    assert sum(result["refused"].values()) + result["equal"] == 72
    assert set(KINDS) <= set(result["refused"])
    assert result["reasons"]["slow"] == 1
    assert result["signed"]["refused"] > 10


def other_row(trial: Trial, item: int, **changes: object) -> Damage:
    """One track's row changed a little, hashed anew."""
    tensors = safetensors.numpy.load(trial.files["items.safetensors"])
    tensors["matrix"][item, 3] -= 0.2
    raw = safetensors.numpy.save(tensors)
    return Damage("row", signed({**trial.files, "items.safetensors": raw}, **changes), True)


def test_what_would_be_served_is_told_as_served(trial):
    """Without tables' hash and sweep a bundle's golden questions do not reach every track."""
    items = range(1, 151, 25)
    assert {trial.judge(other_row(trial, item)).reason for item in items} == {"tables"}
    swept = [trial.judge(other_row(trial, item, tables=msgspec.UNSET)) for item in items]
    assert {verdict.reason for verdict in swept} == {"golden"}
    nothing = {"tables": msgspec.UNSET, "sweep": msgspec.UNSET}
    unswept = [trial.judge(other_row(trial, item, **nothing)) for item in items]
    served = [verdict for verdict in unswept if verdict.outcome == "served"]
    assert served
    assert all(verdict.reason.startswith("session ") for verdict in served)


def test_what_changes_no_answer_is_equal(trial):
    """Who made a graph is nobody's question."""

    def renamed(model: ModelProto) -> None:
        model.producer_name = "somebody else"

    damage = Damage("renamed", with_graph(trial.files, renamed), True)
    assert trial.judge(damage).outcome == "equal"


def test_a_slow_bundle_gives_the_same_answers_and_takes_ten_times_as_long(trial):
    slow = Damage("ten_times_slower", trial.slow(), True)
    assert trial.judge(slow).reason == "slow"


def test_a_bundle_of_counts_alone_cannot_be_damaged_so(tmp_path):
    with pytest.raises(ValueError, match="holds counts alone"):
        Trial(place(counts_files(), tmp_path / "sound"), tmp_path)


def test_two_runs_of_one_seed_refuse_the_same(trial):
    first, again = (run_trial(trial, 10, seed=5)[0]["refused"] for _ in range(2))
    assert first == again
