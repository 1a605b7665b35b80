"""`segue demo`: what is refused before anything starts, and how every way to end is told."""

import fcntl
import json
import signal
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.demo.snapshot import Snapshot
from benchmarks.demo.stage import Played, Stage
from benchmarks.demo.steps import StepError, Stopped
from streams.fault import Fault
from streams.oracle import Comparison
from tests.benchmarks.test_report import base
from tests.benchmarks.test_view import NOW


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "demo"


@pytest.fixture
def play(monkeypatch):
    """Put something in the place of the play, which tests/e2e/test_demo.py plays for real."""

    def put(end, error=None):
        def played(stage):
            if error is not None:
                raise error

        monkeypatch.setattr(Stage, "play", played)
        monkeypatch.setattr(Stage, "so_far", lambda stage: end and Played(base(), end, 8))

    return put


def whole(**changes: Any) -> Snapshot:
    tally = NOW.tally._replace(events_in=6196, missing=[], conflicts=[])
    return replace(NOW, tally=tally._replace(**changes))


@pytest.mark.parametrize("data", ["nonsense", "mssd-mini:/not/there", "simulated:tracks=many"])
def test_data_that_cannot_be_is_misuse_and_starts_nothing(segue, folder, data):
    answer = segue("demo", "--data", data, "--dir", str(folder))
    assert answer.code == 2
    assert answer.err.startswith("segue: ")
    assert not folder.exists()


def test_a_broker_that_is_not_there_is_the_environments_fault(segue, folder):
    answer = segue("demo", "--bootstrap", "127.0.0.1:1", "--dir", str(folder))
    assert answer.code == 3
    assert "127.0.0.1:1" in answer.err


def test_two_demos_do_not_share_a_folder(segue, folder):
    folder.mkdir()
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        answer = segue("demo", "--dir", str(folder))
    assert answer.code == 2
    assert "another demo" in answer.err


def test_a_demo_in_which_all_is_accounted_for_ends_with_0_and_its_report(segue, folder, play):
    play(whole())
    out = folder / "report.json"
    answer = segue("demo", "--dir", str(folder), "--report", str(out), "--seed", "3")
    assert answer.code == 0
    assert "6,196 events = 6,188 answered + 8 dead-lettered + 0 missing" in answer.out
    report = json.loads(out.read_text())
    assert (report["missing"], report["seed"], report["interrupted"]) == (0, 3, False)


@pytest.mark.parametrize(
    "trouble", [{"missing": [(0, 1)]}, {"conflicts": ["id"]}, {"wrong_reasons": 1}]
)
def test_a_promise_that_is_broken_is_the_answer_no(segue, folder, play, trouble):
    play(whole(**trouble))
    assert segue("demo", "--dir", str(folder)).code == 1


def test_sessions_that_differ_from_the_oracle_are_the_answer_no(segue, folder, play):
    unequal = [Fault("state", 0, 1, "s", "history")]
    for sessions, code in ((Comparison(5, 0, 0, []), 0), (Comparison(5, 0, 0, unequal), 1)):
        play(replace(whole(), sessions=sessions))
        answer = segue("demo", "--dir", str(folder))
        assert answer.code == code
        said = "5 sessions equal the oracle's" if code == 0 else "sessions differ from the oracle"
        assert said in " ".join(answer.out.replace("│", " ").split())


def test_json_is_alone_on_stdout(segue, folder, play):
    play(whole())
    answer = segue("demo", "--dir", str(folder), "--json")
    assert json.loads(answer.out)["events_in"] == 6196
    assert "segue demo" in answer.err


def test_somebody_who_stops_it_gets_the_summary_so_far_and_130(segue, folder, play):
    play(whole(), Stopped())
    answer = segue("demo", "--dir", str(folder), "--json")
    assert answer.code == 130
    assert json.loads(answer.out)["interrupted"] is True


def test_stopping_before_the_first_event_has_no_figures(segue, folder, play):
    play(None, Stopped())
    answer = segue("demo", "--dir", str(folder))
    assert answer.code == 130
    assert "no event was played" in answer.out


@pytest.mark.parametrize("code", [1, 2, 3])
def test_a_step_that_fails_gives_its_own_exit_code(segue, folder, play, code):
    play(None, StepError("train: ended with status 1; last lines of train.log:\nno data", code))
    answer = segue("demo", "--dir", str(folder))
    assert answer.code == code
    assert "no data" in answer.out


def test_the_signals_are_given_back(segue, folder, play):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    play(whole())
    segue("demo", "--dir", str(folder))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_settings_of_a_locked_broker_are_not_for_the_demo_s_own(segue, folder, monkeypatch):
    monkeypatch.setenv("SEGUE_KAFKA__SECURITY_PROTOCOL", "SSL")
    answer = segue("demo", "--dir", str(folder))
    assert answer.code == 2
    assert "--bootstrap" in answer.err
