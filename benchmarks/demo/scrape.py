"""What a process says of itself: the lines it announces in its log, and its own /metrics.

Looks only; nothing here waits, so that whoever watches decides how long.
"""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from http.client import HTTPException

from prometheus_client.parser import text_string_to_metric_families

from .processes import Child

_TIMEOUT = 2.0  # seconds; the port is on this machine


def announced(child: Child, pattern: str) -> str | None:
    """Give the first group of `pattern` where the log has it already."""
    found = re.search(pattern, child.said(), re.MULTILINE)
    return found[1] if found else None


def ready(worker: Child) -> bool:
    """Whether a worker answers events."""
    try:
        return _get(worker, "ready") is not None
    except urllib.error.HTTPError:
        return False


def samples(worker: Child, name: str) -> dict[tuple[str, ...], float]:
    """Give a metric's samples by the values of their labels; empty where it cannot be asked."""
    try:
        text = _get(worker, "metrics")
    except urllib.error.HTTPError:
        return {}
    return {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text or "")
        for sample in family.samples
        if sample.name == name
    }


def _get(worker: Child, page: str) -> str | None:
    base = announced(worker, r"metrics at (http://\S+)/metrics$")
    if base is None:
        return None
    try:
        with urllib.request.urlopen(f"{base}/{page}", timeout=_TIMEOUT) as answer:
            text: str = answer.read().decode()
            return text
    except urllib.error.HTTPError:
        raise
    except (OSError, HTTPException):
        return None
