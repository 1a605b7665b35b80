"""Children end when they are asked, when they are not asked, and when the parent is gone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.demo.processes import Child, Processes

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('ready'); time.sleep(60)"
)
POLITE = "import time; print('ready'); time.sleep(60)"
FAMILY = (
    "import subprocess, sys, time; "
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
    "print('ready', child.pid); time.sleep(60)"
)


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def until(condition, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def ready(child: Child) -> Child:
    until(lambda: "ready" in child.said())
    return child


def alive(pid: int) -> bool:
    """Whether it runs; one that has ended and waits for its parent to notice does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def processes(tmp_path):
    with Processes(tmp_path) as family:
        yield family


def test_what_a_child_writes_is_in_its_log(processes, tmp_path):
    child = processes.start("talker", python("import sys; print('one'); sys.exit('two')"))
    until(lambda: child.status is not None)
    assert child.status == 1
    assert (tmp_path / "talker.log").read_text() == "one\ntwo\n"
    assert child.tail(1) == "two"


def test_a_child_is_asked_before_it_is_killed(processes):
    child = ready(processes.start("polite", python(POLITE)))
    processes.stop(child)
    assert child.status == -signal.SIGTERM


def test_a_child_that_does_not_listen_is_killed_after_the_grace(processes):
    child = ready(processes.start("stubborn", python(STUBBORN)))
    processes.stop(child, grace=0.2)
    assert child.status == -signal.SIGKILL


def test_the_children_of_a_child_end_with_it(processes):
    child = ready(processes.start("family", python(FAMILY)))
    grandchild = int(child.said().split()[1])
    assert alive(grandchild)
    processes.stop(child)
    until(lambda: not alive(grandchild))


def test_an_error_in_the_block_ends_the_children_too(tmp_path):
    started = []

    def block() -> None:
        with Processes(tmp_path) as family:
            started.append(ready(family.start("polite", python(POLITE))))
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        block()
    assert [child.status for child in started] == [-signal.SIGTERM]


def test_the_last_started_ends_first(tmp_path):
    note = tmp_path / "order"
    program = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        f"    open({str(note)!r}, 'a').write(sys.argv[1]); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); print('ready'); time.sleep(60)"
    )
    with Processes(tmp_path) as family:
        for name in "abc":
            ready(family.start(name, [*python(program), name]))
    assert note.read_text() == "cba"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_a_parent_that_is_killed_outright_takes_its_children_along(tmp_path):
    program = (
        "import sys, time\nfrom pathlib import Path\n"
        "from benchmarks.demo.processes import Processes\n"
        f"child = Processes(Path({str(tmp_path)!r})).start('polite', {python(POLITE)!r})\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen(python(program), stdout=subprocess.PIPE, cwd=root) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        until(lambda: alive(pid) and "ready" in (tmp_path / "polite.log").read_text())
        parent.kill()
    until(lambda: not alive(pid))


def test_a_child_can_be_made_to_yield_the_processor(processes):
    child = processes.start("nice", python("import os; print(os.nice(0))"), niceness=5)
    until(lambda: child.status is not None)
    assert int(child.said()) == min(os.nice(0) + 5, 19)
