"""Folders and files that are there whole or not at all: written beside their place and renamed.

A disk that is full or broken is an OSError here, whoever wrote to it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SAID = re.compile(r"\(os error (\d+)\)")


@contextmanager
def disk_errors() -> Iterator[None]:
    """Raise as OSError what safetensors and polars, written in Rust, say of a disk in their own."""
    try:
        yield
    except Exception as err:
        said = _SAID.search(str(err))
        if said is None or (isinstance(err, OSError) and err.errno):
            raise
        raise OSError(int(said[1]), os.strerror(int(said[1]))) from err


def refuse_other(out: Path, marker: str, other: str) -> None:
    """Refuse a place that holds something else: no folder with the file `marker`, nor an empty one.

    Raises:
        ValueError: it does; `other` says of it what it is not.
    """
    if out.exists() and not (out.is_dir() and ((out / marker).exists() or not any(out.iterdir()))):
        raise ValueError(f"{out} exists and {other}: choose another --out or remove it")


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """Give a fresh folder beside `out`, renamed to `out` when the block ends without an error.

    An older folder at `out` is replaced, whatever is in it (`refuse_other` looks before).
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        with disk_errors():
            yield fresh
        if out.exists():
            retired = out.with_name(f".{out.name}.{os.getpid()}.old")
            out.rename(retired)
            fresh.rename(out)
            shutil.rmtree(retired)
        else:
            fresh.rename(out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def write_whole(path: Path, raw: bytes) -> None:
    """Write a file; an older one is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_bytes(raw)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
