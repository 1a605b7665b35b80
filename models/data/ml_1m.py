"""MovieLens-1M as Kang & McAuley (arXiv:1808.09781) prepared it: the yardstick of sequence models.

A text file of lines `user item`, a user's lines in order of time; users and items with fewer than
five ratings are not in it. There are no times and no ratings, so every item counts as heard. One
file is known by this name, whoever offers it: figures of any other would not be comparable, so it
is refused. MovieLens forbids passing the data on; the path is the caller's.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import polars as pl

from .canonical import all_heard

BLOB = "9ab8e3edb8742f8d8cc4911e3dee25e82a6fcc24"
"""Git's hash of the file in the repositories of SASRec, BERT4Rec and gSASRec alike."""


def read(path: Path) -> pl.DataFrame:
    """Read the file (or `ml-1m.txt` in a directory) into the canonical frame, a user a session.

    Raises:
        ValueError: it is not the published file.
    """
    file = path / "ml-1m.txt" if path.is_dir() else path
    if not file.is_file():
        raise ValueError(f"expected ml-1m.txt, or a directory with it, found nothing at {file}")
    raw = file.read_bytes()
    if (found := git_blob(raw)) != BLOB:
        raise ValueError(
            f"{file} is not the published ml-1m.txt: its git blob hash is {found}, expected "
            f"{BLOB}; figures of another file cannot be compared, so give it another name "
            "(`segue data show` lists the forms that data can have)"
        )
    return parse(raw)


def parse(raw: bytes) -> pl.DataFrame:
    """Turn lines `user item` into the canonical frame; a user's lines stand together."""
    pairs = np.array(raw.split(), dtype=np.int64).reshape(-1, 2)
    return all_heard(
        pl.DataFrame(
            {
                "session_id": pl.Series(pairs[:, 0]).cast(pl.String),
                "track_id": pl.Series(pairs[:, 1]).cast(pl.String),
            }
        )
    )


def git_blob(raw: bytes) -> str:
    """Give the hash by which git names a file with this content."""
    return hashlib.sha1(b"blob %d\0" % len(raw) + raw, usedforsecurity=False).hexdigest()
