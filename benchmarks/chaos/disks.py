"""Small disks that can be filled: a tmpfs for each, which nobody else sees.

They are mounted in a mount namespace of this process's own, so they go when it and its children do,
however that happens. It needs root on Linux; `possible` says whether it can be had.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

MEGABYTES = 400
_CLONE_NEWNS = 0x0002_0000
_MS_PRIVATE, _MS_REC = 1 << 18, 1 << 14
_MNT_DETACH = 2
_CAP_SYS_ADMIN = 1 << 21
_FILLER = "filler"


def possible() -> bool:
    """Whether this process may mount."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return False
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) & _CAP_SYS_ADMIN)


@contextmanager
def mounted(folders: Sequence[Path], megabytes: int = MEGABYTES) -> Iterator[None]:
    """Let each folder be a disk of so many megabytes. Raises OSError."""
    if folders:
        _call("unshare", _CLONE_NEWNS)
        _call("mount", b"none", b"/", None, _MS_REC | _MS_PRIVATE, None)
    with ExitStack() as undo:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
            size = b"size=%dm" % megabytes
            _call("mount", b"tmpfs", bytes(folder), b"tmpfs", 0, size)
            undo.callback(_call, "umount2", bytes(folder), _MNT_DETACH)
        yield


def fill(folder: Path) -> None:
    """Leave no room in a folder's disk."""
    with (folder / _FILLER).open("ab", buffering=0) as filler:
        for piece in (1 << 20, 1 << 12):
            with suppress(OSError):
                while True:
                    if not filler.write(b"\0" * piece):
                        raise OSError(errno.ENOSPC, "full")


def empty(folder: Path) -> None:
    """Give the room back."""
    (folder / _FILLER).unlink(missing_ok=True)


def _call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
