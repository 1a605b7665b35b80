"""The words of each line of a text file, which both plain forms of data are made of."""

from __future__ import annotations

from pathlib import Path

import polars as pl


def words_of_lines(path: Path, expected: str) -> pl.Series:
    """Split each line at white space: a list of strings for each, empty lines among them.

    Raises:
        ValueError: it is no file, or is not UTF-8; `expected` says what it should have held.
    """
    if not path.is_file():
        raise ValueError(f"{path} is not a file: expected {expected}")
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as err:
        raise ValueError(f"{path} is not UTF-8 ({err}): expected {expected}") from err
    return pl.Series("words", lines, pl.String).str.extract_all(r"\S+")
