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

Metrics = dict[str, list[tuple[dict[str, str], float]]]
"""By a sample's name: its labels, and its value."""

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


def metrics(worker: Child) -> Metrics:
    """Give every sample; empty where nobody answers."""
    try:
        text = _get(worker, "metrics") or ""
    except urllib.error.HTTPError:
        return {}
    found: Metrics = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


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
