"""What a benchmark tells while it runs."""

from __future__ import annotations

import sys


def say(line: str) -> None:
    """Write a line to stderr, at once: stdout is the result's."""
    print(line, file=sys.stderr, flush=True)
