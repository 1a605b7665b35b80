"""MovieLens-100k in RecBole's atomic files: films rated by people, with times and titles.

`ml-100k.inter` has `user_id`, `item_id`, `rating` and `timestamp` (Unix seconds), tab-separated,
with types in the header; `ml-100k.item` has the titles and years, and may be missing. A person is a
session in order of time. Half of a person's ratings share their second with another one: those keep
the order of the file. A rating says that the film was seen, so everything counts as heard.
MovieLens forbids passing the data on; the path is the caller's.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from .canonical import SCHEMA

INTERACTIONS, TITLES = "ml-100k.inter", "ml-100k.item"
_COLUMNS = ["user_id", "item_id", "rating", "timestamp"]


def read(path: Path) -> pl.DataFrame:
    """Read the directory (or its `.inter` file): canonical rows, with `rating` and `title`.

    Raises:
        ValueError: no such file, other columns, or a value that is missing or no number.
    """
    file = path / INTERACTIONS if path.is_dir() else path
    if not file.is_file():
        raise ValueError(
            f"expected {INTERACTIONS}, or a directory with it, found nothing at {file}"
        )
    rows = _table(file, _COLUMNS).with_columns(
        pl.col("rating", "timestamp").cast(pl.Float64, strict=False)
    )
    bad = rows.with_row_index("line", offset=2).filter(pl.any_horizontal(pl.all().is_null()))
    if bad.height:
        raise ValueError(
            f"{file}: {bad.height} malformed rows, the first at line {bad['line'][0]}: expected "
            "a user, an item, a rating and a time in seconds"
        )
    # Users in the order of their numbers, where they are numbers: it does not depend on the file's.
    user = pl.col("user_id").cast(pl.Int64, strict=False)
    rows = rows.sort(user, "user_id", "timestamp", maintain_order=True)
    return rows.join(_titles(file.with_name(TITLES)), on="item_id", how="left").select(
        session_id=pl.col("user_id"),
        position=pl.int_range(pl.len(), dtype=pl.Int32).over("user_id"),
        track_id=pl.col("item_id"),
        outcome=pl.lit(1, pl.Int8),
        occurred_at=(pl.col("timestamp") * 1000).cast(pl.Int64).cast(SCHEMA["occurred_at"]),
        context_type=pl.lit(None, pl.String),
        rating=pl.col("rating"),
        title=pl.col("title"),
    )


def _titles(file: Path) -> pl.DataFrame:
    """Title and year of each film, as `Toy Story (1995)`; none where there is no file."""
    if not file.is_file():
        return pl.DataFrame(schema={"item_id": pl.String, "title": pl.String})
    rows = _table(file, ["item_id", "movie_title", "release_year"])
    dated = pl.col("release_year").str.contains(r"^\d{4}$")
    return rows.select(
        "item_id",
        title=pl.when(dated)
        .then(pl.format("{} ({})", "movie_title", "release_year"))
        .otherwise("movie_title"),
    ).unique("item_id", keep="first", maintain_order=True)


def _table(file: Path, columns: list[str]) -> pl.DataFrame:
    """Some columns as strings, their types cut off the names."""
    try:
        table = pl.read_csv(file, separator="\t", infer_schema=False, quote_char=None)
    except pl.exceptions.PolarsError as err:
        raise ValueError(f"{file} cannot be read as tab-separated text: {err}") from err
    table = table.rename({name: name.partition(":")[0] for name in table.columns})
    if missing := [name for name in columns if name not in table.columns]:
        raise ValueError(f"{file}: no column {', '.join(missing)} in its header: {table.columns}")
    return table.select(columns)
