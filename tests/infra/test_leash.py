import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

import infra
from tests.processes import gone

LEASH = Path(infra.__file__).with_name("leash.py")
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


class Leashed:
    """A leash, the command on it, and the starter's end of the socket."""

    def __init__(self, *command: str, abandoned: str | Path = "") -> None:
        self.starter, theirs = socket.socketpair()
        with theirs:
            self.leash = subprocess.Popen(
                [sys.executable, "-I", "-S", LEASH, str(theirs.fileno()), str(abandoned), *command],
                pass_fds=[theirs.fileno()],
            )
        with self.starter.makefile("rb") as answers:
            self.pid = int(answers.readline())


@contextmanager
def leashed(*command, abandoned=""):
    it = Leashed(*command, abandoned=abandoned)
    try:
        yield it
    finally:
        it.starter.close()
        it.leash.wait(20)


def test_the_command_ends_when_its_starter_is_gone():
    with leashed("sleep", "60") as it:
        it.starter.close()
        assert it.leash.wait(20) == 128 + signal.SIGTERM
        assert gone(it.pid)


def test_a_socket_that_outlives_its_starter_does_not_keep_the_command():
    script = (
        "import os, socket, subprocess, sys\n"
        "mine, theirs = socket.socketpair()\n"
        "command = [sys.executable, '-I', '-S', *sys.argv[1:2], str(theirs.fileno()), '']\n"
        "subprocess.Popen([*command, 'sleep', '60'], pass_fds=[theirs.fileno()])\n"
        "theirs.close()\n"
        "print(mine.makefile().readline(), end='', flush=True)\n"
        "if os.fork() == 0:\n"
        "    print(os.getpid(), flush=True); __import__('time').sleep(60)\n"
        "os._exit(0)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", script, LEASH], stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout
    command, holder = int(starter.stdout.readline()), int(starter.stdout.readline())
    starter.stdout.close()
    try:
        assert starter.wait(20) == 0
        assert gone(command)
        os.kill(holder, 0)
    finally:
        os.kill(holder, signal.SIGKILL)


def test_a_command_that_will_not_end_is_killed():
    with leashed(sys.executable, "-c", STUBBORN) as it:
        time.sleep(0.5)  # it may still be on its way to not listening; then it ends at once
        it.starter.close()
        assert it.leash.wait(20) in (128 + signal.SIGKILL, 128 + signal.SIGTERM)
        assert gone(it.pid)


def test_a_starter_that_is_gone_leaves_no_folder_behind(tmp_path):
    folder = tmp_path / "abandoned"
    folder.mkdir()
    (folder / "data").write_text("x")
    with leashed("sleep", "60", abandoned=folder) as it:
        it.starter.close()
        it.leash.wait(20)
    assert not folder.exists()


def test_a_command_that_ends_by_itself_leaves_its_folder_and_its_status(tmp_path):
    with leashed("sh", "-c", "exit 7", abandoned=tmp_path) as it:
        assert it.leash.wait(20) == 7
    assert tmp_path.exists()


def test_signals_for_the_starter_do_not_end_the_command():
    with leashed("sleep", "60") as it:
        for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            it.leash.send_signal(asked)
        with pytest.raises(subprocess.TimeoutExpired):
            it.leash.wait(0.3)
        os.kill(it.pid, 0)


def test_the_command_hears_a_polite_signal():
    with leashed("sleep", "60") as it:
        os.kill(it.pid, signal.SIGTERM)
        assert it.leash.wait(20) == 128 + signal.SIGTERM


@pytest.mark.skipif(sys.platform != "linux", reason="parent-death signals exist on Linux alone")
def test_the_command_dies_with_its_leash():
    with leashed("sleep", "60") as it:
        it.leash.kill()
        assert gone(it.pid)
