"""Turns into a command that ends when the demo does, even where the demo is killed outright.

Run as a script (`python -I -S tether.py PARENT NICE COMMAND...`), never imported. The command takes
this process over and keeps its id; whoever ends it in good order is processes.py.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Ask the kernel for SIGTERM on the parent's death, be nice, become the command."""
    parent, niceness, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the kernel was asked
        sys.exit(1)
    os.nice(niceness)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
