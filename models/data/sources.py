"""A data set named on the command line: `NAME:PATH` -> sessions, and whether they were simulated.

Names: `mssd-mini` and `mssd` read the data set's own CSV files, `30music` its Parquet file, `ml-1m`
its text file, `ml-100k` RecBole's files, `mpd` slices of playlists, `parquet` a canonical
directory, `simulated` draws listeners (`simulated:sessions=1000,seed=3`; the keys are `Listeners`
and `seed`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import polars as pl

from models.sessions import Sessions

from . import canonical, ml_1m, ml_100k, mssd, mssd_mini, playlist_rows, session_lines, thirty_music
from .listeners import Listeners
from .simulated import simulate

_REPLAYED = ("track_id", "outcome", "duration_ms", "ms_played")
_READERS = {
    "mssd-mini": mssd_mini.read,
    "mssd": mssd.read,
    "30music": thirty_music.read,
    "ml-1m": ml_1m.read,
    "ml-100k": ml_100k.read,
    "mpd": playlist_rows.read_mpd,
    "sessions": session_lines.read,
}
Listening = tuple[str, Sequence[tuple[str, int, int | None, int | None]]]


@dataclass(frozen=True)
class Source:
    """Where sessions come from; nothing is read before `frame` or `load` is called."""

    name: str
    simulated: bool
    spec: str
    frame: Callable[[], pl.DataFrame]  # the canonical rows, with what extras the source has

    def load(self) -> Sessions:
        """Read everything; duplicates are still in it (see `Sessions.deduplicated`)."""
        return canonical.to_sessions(self.frame())

    def listenings(self) -> Iterator[Listening]:
        """Each session with what a replay can tell: track_id, outcome, duration_ms, ms_played."""
        frame = self.frame()
        for name in ("duration_ms", "ms_played"):
            if name not in frame.columns:
                frame = frame.with_columns(pl.lit(None, pl.Int64).alias(name))
        runs = frame["session_id"].rle()
        start = 0
        for run in runs.to_list():
            rows = frame.slice(start, run["len"])
            start += run["len"]
            yield run["value"], rows.select(*_REPLAYED).rows()


def open_source(spec: str) -> Source:
    """Find the source that `spec` names; ValueError says which names and forms there are."""
    name, _, rest = spec.partition(":")
    if name == "simulated":
        listeners, seed = parse_listeners(rest)
        return Source(name, True, spec, lambda: simulate(listeners, np.random.default_rng(seed)))
    if name not in {*_READERS, "parquet"} or not rest:
        raise ValueError(
            f"unknown data {spec!r}: expected mssd-mini:PATH, mssd:PATH, 30music:PATH, ml-1m:PATH, "
            "ml-100k:DIR, mpd:PATH, parquet:DIR, sessions:FILE, simulated or "
            "simulated:KEY=VALUE,..."
        )
    path = Path(rest).expanduser()
    if not path.exists():
        raise ValueError(f"no such path for {name}: {path}")
    if name == "parquet":
        info = canonical.read_info(path)
        return Source(info.name, info.simulated, spec, lambda: canonical.scan(path).collect())
    return Source(name, False, spec, lambda: _READERS[name](path))


def parse_listeners(text: str) -> tuple[Listeners, int]:
    """Read `key=value,...` as simulator parameters and a seed (0 where none is given)."""
    kinds = {field.name: field.type for field in fields(Listeners)} | {"seed": "int"}
    values: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        key, _, value = part.partition("=")
        if key not in kinds:
            raise ValueError(
                f"unknown simulator parameter {key!r}: expected one of {sorted(kinds)}"
            )
        try:
            values[key] = int(value) if kinds[key] == "int" else float(value)
        except ValueError as err:
            raise ValueError(f"simulator parameter {key} must be {kinds[key]}: {value!r}") from err
    seed = int(values.pop("seed", 0))
    return Listeners(**values), seed  # type: ignore[arg-type]
