"""Where and when a figure was measured: machine, commit and date, for every file in results/.

It measures nothing itself, and writes no file but by `write_result` and `write_text`.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from models.whole import write_whole

RESULTS = Path(__file__).parent / "results"
_REPOSITORY = Path(__file__).parent.parent
_PACKAGES = ("torch", "onnxruntime-gpu", "onnxruntime", "faust-streaming", "kafka-python", "numpy")


def provenance(command: Sequence[str] | None = None) -> dict[str, Any]:
    """Tell machine, commit, date and command; the command is this process's own where not given."""
    return {
        "machine": machine(),
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": list(command) if command is not None else own_command(),
    }


def machine() -> dict[str, Any]:
    """Describe the machine: processor, cores that may be used, memory, load, versions."""
    return {
        "processor": _processor(),
        "cores": _cores(),
        "memory_gib": _memory_gib(),
        "load_average": [round(load, 2) for load in os.getloadavg()],  # others share the machine
        "gpu": _gpu(),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": _versions(),
    }


def commit() -> str:
    """Give the commit, with `-dirty` where tracked files differ from it; `unknown` without git."""
    described = _output("git", "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty")
    return described or "unknown"


def write_result(path: Path, result: Mapping[str, Any]) -> None:
    """Write a result as JSON, whole or not at all."""
    write_text(path, json.dumps(result, indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file of results, whole or not at all."""
    write_whole(path, text.encode())


def own_command() -> list[str]:
    """The command line, with the program by its name alone: folders say nothing to a reader."""
    return [Path(sys.argv[0]).name, *sys.argv[1:]]


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (OSError, ValueError):
        return None


def _gpu() -> str | None:
    return _output("nvidia-smi", "--query-gpu=name", "--format=csv,noheader") or None


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _output(*command: str) -> str:
    """What a command prints, or nothing where it cannot be run."""
    try:
        done = subprocess.run(
            command, cwd=_REPOSITORY, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
