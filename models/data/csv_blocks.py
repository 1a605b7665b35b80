"""Large CSV files by the block: bounded memory, and every complaint with its file and line.

For files without quoted fields, as MSSD's are: a line is a row. Types are the loader's to decide:
all columns arrive as strings. Plain and gzip-compressed files read alike.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

import numpy as np
import polars as pl

BLOCK_BYTES = 32 << 20  # of text at a time; a frame of it takes three to four times as much memory
LINE = "line"


@dataclass
class Faults:
    """Malformed rows: the first one is raised as ValueError, or all are skipped and counted."""

    skip: bool = False
    count: int = 0
    examples: list[str] = field(default_factory=list)  # at most ten

    def report(self, file: Path, line: int, what: str) -> None:
        """Take note of one malformed row."""
        message = f"{file}, line {line}: {what}"
        if not self.skip:
            raise ValueError(f"{message} (--skip-malformed leaves such rows out and counts them)")
        self.count += 1
        if len(self.examples) < 10:
            self.examples.append(message)


def csv_files(path: Path, pattern: str) -> list[Path]:
    """`path` itself, or the files under it whose names fit `pattern` + .csv or .csv.gz, by name."""
    if path.is_file():
        return [path]
    found = [file for end in (".csv", ".csv.gz") for file in path.rglob(pattern + end)]
    return sorted(found)


def blocks(
    file: Path,
    columns: Sequence[str],
    faults: Faults,
    *,
    block_bytes: int = BLOCK_BYTES,
    progress: Callable[[int], None] = lambda n: None,
) -> Iterator[pl.DataFrame]:
    """Yield the named columns as strings, with the line of each row; `progress` gets bytes read."""
    with file.open("rb") as raw:
        stream = cast(IO[bytes], gzip.GzipFile(fileobj=raw) if file.suffix == ".gz" else raw)
        names = _names(stream)
        missing = [column for column in columns if column not in names]
        if missing:
            raise ValueError(f"{file}: no column {', '.join(missing)} in its header: {names}")
        line, done, rest = 2, 0, b""
        while chunk := stream.read(block_bytes):
            text = rest + chunk
            cut = text.rfind(b"\n") + 1
            text, rest = text[:cut], text[cut:]
            if text:
                yield _parsed(text, names, file, line, faults).select(LINE, *columns)
            line += text.count(b"\n")
            progress(raw.tell() - done)
            done = raw.tell()
        if rest:
            yield _parsed(rest + b"\n", names, file, line, faults).select(LINE, *columns)


def header(file: Path) -> list[str]:
    """The names of the columns."""
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
        return _names(cast(IO[bytes], stream))


def typed(
    frame: pl.DataFrame,
    columns: Mapping[str, pl.Expr],
    file: Path,
    faults: Faults,
) -> pl.DataFrame:
    """Evaluate `columns` and drop the rows where one is null, reporting each by its line."""
    result = frame.select(pl.col(LINE), **columns)
    bad = result.select(pl.any_horizontal(pl.all().is_null())).to_series()
    if bad.any():
        for row in result.filter(bad).iter_rows(named=True):
            wrong = [name for name, value in row.items() if value is None]
            faults.report(file, row[LINE], f"missing or unusable value for {', '.join(wrong)}")
        result = result.filter(~bad)
    return result


def _names(stream: IO[bytes]) -> list[str]:
    return stream.readline().decode("utf-8", "replace").strip().split(",")


def _parsed(text: bytes, names: list[str], file: Path, line: int, faults: Faults) -> pl.DataFrame:
    """All columns as strings; lines with another number of fields are reported and left out."""
    lines = np.arange(line, line + text.count(b"\n"))
    try:
        frame = _read(text, names)
        suspect = frame.height != len(lines) or frame[names[-1]].null_count() > 0 or b'"' in text
    except pl.exceptions.PolarsError:
        suspect = True
    if suspect:  # rare, so slow is good enough: look at every line of this block
        rows, kept = text.split(b"\n")[:-1], []
        for i, row in enumerate(rows):
            fault = _fault(row, len(names))
            if fault:
                faults.report(file, line + i, fault)
            else:
                kept.append(i)
        lines = lines[kept]
        frame = _read(b"".join(rows[i] + b"\n" for i in kept), names)
    return frame.with_columns(pl.Series(LINE, lines))


def _fault(row: bytes, width: int) -> str:
    if b'"' in row:
        return "a quoted field, which this format does not have"
    fields = row.count(b",") + 1
    if fields != width:
        return f"expected {width} fields, found {fields}"
    try:
        row.decode()
    except UnicodeDecodeError as err:
        return f"not UTF-8 at byte {err.start}"
    return ""


def _read(text: bytes, names: list[str]) -> pl.DataFrame:
    return pl.read_csv(
        io.BytesIO(text),
        has_header=False,
        schema=dict.fromkeys(names, pl.String),
        quote_char=None,
        low_memory=True,
    )
