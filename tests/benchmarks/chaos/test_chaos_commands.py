"""The reduced forms of `segue chaos models` and `segue chaos inputs` on a real broker."""

from pathlib import Path

import pytest

from benchmarks.chaos import idle, inputs_run, models_run
from benchmarks.chaos.corruptions import KINDS
from benchmarks.chaos.inputs import MISPLACED, Plan
from tests.bundles import network_files, place


def silent(step: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return place(network_files(), tmp_path / "sound")


def test_damaged_models_are_refused_by_a_worker_that_serves_on(broker, bundle):
    result = models_run.run(10, 1, bundle, broker, silent)
    assert result["kept"], result
    assert set(result["worker"]["refused"]) == set(KINDS)
    assert "served" not in result["worker"]["refused"].values()
    assert result["worker"]["answered"] == result["worker"]["sent"]


def test_bad_inputs_are_answered_or_refused_and_harm_no_neighbour(broker, bundle):
    result = inputs_run.run(Plan(400, 150), 1, bundle, broker, silent)
    assert result["kept"], result
    assert result["events"] == result["answered"] + result["dead_lettered"]
    assert result["too_large_for"] == {
        "producer": "MessageSizeTooLargeError",
        "broker": "MessageSizeTooLargeError",
    }
    assert result["wrong_partition"]["sent"] == MISPLACED
    assert sum(result["reasons"].values()) == result["dead_lettered"]


def test_idle_sessions_are_held_and_swept_and_harm_no_neighbour(broker, bundle):
    result = idle.run(600, 1, bundle, broker, silent)
    assert result["kept"], result
    figures = result["figures"]
    assert figures["idle"]["sessions"] - figures["before"]["sessions"] > 600
    assert figures["swept"]["sessions"] == len(idle._names("after"))
    assert result["missing"] == 0
    assert result["answered"] > idle.WARM + 600
