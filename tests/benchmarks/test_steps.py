"""Steps: they wait for what they are for, and a failure says whose, how, and its last words."""

import io
import sys

import pytest
from rich.console import Console

from benchmarks.demo.processes import Processes
from benchmarks.demo.steps import StepError, Steps, Stopped, last_line

OUT_OF_DISK = (
    "import sys; print('one'); print('segue: no room on disk', file=sys.stderr); sys.exit(3)"
)


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


@pytest.fixture
def processes(tmp_path):
    with Processes(tmp_path) as family:
        yield family


@pytest.fixture
def steps():
    return Steps(Console(file=io.StringIO(), width=80), lambda: None)


def said(steps: Steps) -> str:
    assert isinstance(steps.console.file, io.StringIO)
    return steps.console.file.getvalue()


def test_a_step_ends_with_its_process_and_says_so(processes, steps):
    steps.finish("count", processes.start("counter", python("print(1)")), seconds=30)
    assert "count ..." in said(steps)
    assert "✓ count" in said(steps)


def test_a_process_that_fails_fails_the_step_with_its_own_code_and_words(processes, steps):
    child = processes.start("writer", python(OUT_OF_DISK))
    with pytest.raises(StepError, match=r"(?s)write: writer ended with status 3.*no room") as err:
        steps.finish("write", child, seconds=30)
    assert err.value.code == 3
    assert "✓" not in said(steps)


def test_any_of_several_processes_can_fail_a_step(processes, steps):
    good, bad = (
        processes.start("good", python("import time; time.sleep(30)")),
        processes.start("bad", python("raise SystemExit(2)")),
    )
    with pytest.raises(StepError, match="bad ended"):
        steps.finish("both", good, bad, seconds=30)


def test_ending_well_before_doing_what_it_was_for_is_a_failure(processes, steps):
    child = processes.start("broker", python("print('bye')"))
    with pytest.raises(StepError, match="bye"):
        steps.until("start", lambda: None, child, seconds=30)


def test_a_step_does_not_wait_for_ever(processes, steps):
    child = processes.start("sleeper", python("import time; time.sleep(30)"))
    with pytest.raises(StepError, match=r"took over 0\.2 s"):
        steps.until("sleep", lambda: None, child, seconds=0.2)


def test_somebody_who_asks_to_stop_is_heard_in_a_step(processes):
    def stop():
        raise Stopped

    child = processes.start("sleeper", python("import time; time.sleep(30)"))
    with pytest.raises(Stopped):
        Steps(Console(file=io.StringIO()), stop).finish("sleep", child, seconds=30)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("epoch 1\nepoch 2\n", "epoch 2"),
        ("2027-01-15 08:00:00,123 INFO models.train: trained 40 of 40 steps\n", "trained 40"),
        ('epoch 3\n{"rows": []}\n', "epoch 3"),
        ("\x1b[2K10 %\r\x1b[2K20 %\n", "20 %"),
        ("", ""),
    ],
)
def test_the_news_is_the_last_line_for_people(processes, steps, written, shown):
    child = processes.start("talker", python(f"print({written!r}, end='')"))
    steps.finish("talk", child, seconds=30)
    assert last_line(child).startswith(shown)
    assert bool(last_line(child)) == bool(shown)
