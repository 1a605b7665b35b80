"""A command on a leash: it ends when the process that started it ends, however that happened.

Run as a script (`python -I -S leash.py FD ABANDONED COMMAND...`), never imported. FD is one end of
a socket pair whose other end the starter holds: the command's process id goes out on it, and end of
file on it means that the starter is gone. Then the command is asked to end, killed five seconds
later, and the folder ABANDONED ("" for none), which nobody else can tidy up any more, is removed.
It is not a supervisor: nothing is started again, and its exit status is the command's.

A socket is watched rather than a parent-death signal set by the starter, because that signal fires
when the starting *thread* ends. Linux adds the signal one level down, where there is one thread, so
that the command also dies with its leash.
"""

import ctypes
import os
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


def _watch(starter: int, command: subprocess.Popen[bytes], orphaned: threading.Event) -> None:
    try:
        while os.read(starter, 1):
            pass
    except ConnectionError:
        pass  # a starter that was killed may leave a reset instead of an end of file
    orphaned.set()
    command.terminate()
    try:
        command.wait(GRACE)
    except subprocess.TimeoutExpired:
        command.kill()


def main() -> int:
    """Run the command to its end; return its exit status, 128 + N where signal N ended it."""
    starter, abandoned, arguments = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    os.set_inheritable(starter, False)
    for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Not SIG_IGN: the command would inherit that, and a JVM then never hears SIGTERM.
        signal.signal(asked, lambda _signal, _frame: None)
    command = subprocess.Popen(arguments, preexec_fn=_die_with_leash)
    os.write(starter, b"%d\n" % command.pid)
    orphaned = threading.Event()
    threading.Thread(target=_watch, args=(starter, command, orphaned), daemon=True).start()
    status = command.wait()
    if orphaned.is_set() and abandoned:
        shutil.rmtree(abandoned, ignore_errors=True)
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
