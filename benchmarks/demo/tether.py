"""Turns into a command that ends when its starter does, even where that is killed outright.

Run as a script (`python -I -S tether.py PARENT NICE SIGNAL COMMAND...`), never imported. The
command takes this process over and keeps its id; whoever ends it in good order is processes.py.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Ask the kernel for the signal on the parent's death, be nice, become the command."""
    parent, niceness, number = map(int, sys.argv[1:4])
    command = sys.argv[4:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it died before the kernel was asked
        sys.exit(1)
    os.nice(niceness)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
