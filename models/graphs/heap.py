"""Memory of large arrays, kept from one training step to the next.

glibc asks the system for each array of more than 32 MiB and hands it back as soon as it is freed
(mallopt(3), M_MMAP_THRESHOLD), so that every step writes to pages which the kernel has to zero
first. Embeddings of large graphs are such arrays: Gowalla's at width 128 is 36 MB, and a step took
.39 s, .24 with memory that is kept.
"""

from __future__ import annotations

import ctypes
import platform

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of <malloc.h>
_LARGEST = 2**31 - 1  # bytes; mallopt takes an int


def keep_large_arrays() -> None:
    """Have glibc keep what is freed, for the rest of the process; elsewhere nothing happens."""
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(_MMAP_THRESHOLD, _LARGEST)
    libc.mallopt(_TRIM_THRESHOLD, _LARGEST)
