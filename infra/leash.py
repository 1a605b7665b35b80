"""A command on a leash: it ends when the process that started it ends, however that happened.

Run as a script (`python -I -S leash.py FD ABANDONED COMMAND...`), never imported. FD is one end of
a socket pair whose other end the starter holds: the command's process id goes out on it, and end of
file on it means that the starter is gone. Then the command is asked to end, killed five seconds
later, and the folder ABANDONED ("" for none), which nobody else can tidy up any more, is removed.
It is not a supervisor: nothing is started again, and its exit status is the command's.

A socket is watched rather than a parent-death signal set by the starter, because that signal fires
when the starting *thread* ends; and the parent's id too, because a child that the starter forked
may keep the socket open. Linux adds the signal one level down, where there is one thread, so that
the command also dies with its leash.
"""

import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1  # linux/prctl.h
GRACE = 5.0  # seconds from SIGTERM to SIGKILL


def _die_with_leash() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait_for_end_of(starter: int, parent: int) -> None:
    with contextlib.suppress(ConnectionError):  # a killed starter may leave a reset
        while os.getppid() == parent:
            readable, _, _ = select.select([starter], [], [], 1.0)
            if readable and not os.read(starter, 1):
                return


def _watch(
    starter: int, parent: int, command: subprocess.Popen[bytes], orphaned: threading.Event
) -> None:
    _wait_for_end_of(starter, parent)
    orphaned.set()
    command.terminate()
    try:
        command.wait(GRACE)
    except subprocess.TimeoutExpired:
        command.kill()


def main() -> int:
    """Run the command to its end; return its exit status, 128 + N where signal N ended it."""
    starter, abandoned, arguments = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    parent = os.getppid()
    os.set_inheritable(starter, False)
    for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Not SIG_IGN: the command would inherit that, and a JVM then never hears SIGTERM.
        signal.signal(asked, lambda _signal, _frame: None)
    command = subprocess.Popen(arguments, preexec_fn=_die_with_leash)
    with contextlib.suppress(OSError):  # a starter that is gone already is seen by the watch
        os.write(starter, b"%d\n" % command.pid)
    orphaned = threading.Event()
    watched = (starter, parent, command, orphaned)
    threading.Thread(target=_watch, args=watched, daemon=True).start()
    status = command.wait()
    if orphaned.is_set() and abandoned:
        shutil.rmtree(abandoned, ignore_errors=True)
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
