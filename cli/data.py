"""`segue data`: import a data set, simulate one, show what one holds."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from models.data.canonical import DatasetInfo

app = typer.Typer(no_args_is_help=True, help="Import, simulate and show listening sessions.")

Out = Annotated[
    Path, typer.Option("--out", help="Directory to make (an older data set is replaced).")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("import")
def import_(
    kind: Annotated[str, typer.Argument(help="mssd (raw logs, any size) or mssd-mini.")],
    path: Annotated[
        Path, typer.Argument(help="A CSV file, or a directory of .csv / .csv.gz files.")
    ],
    out: Out,
    keep_duplicates: Annotated[
        bool, typer.Option(help="Keep sessions that repeat another one's sequence of tracks.")
    ] = False,
    skip_malformed: Annotated[
        bool,
        typer.Option(help="mssd: leave malformed rows out, and count them, instead of stopping."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Turn a data set into canonical Parquet: sessions.parquet and dataset.json in --out."""
    from models.data import canonical, mssd_import, mssd_mini

    if kind not in {"mssd", "mssd-mini"}:
        raise ValueError(f"unknown data set {kind!r}: expected mssd or mssd-mini")
    if not path.exists():
        raise ValueError(f"no such file or directory: {path}")
    created_by = f"segue {version('segue')} data import {kind}"
    if kind == "mssd":
        with _bytes_read(path) as progress:
            info = mssd_import.import_mssd(
                path,
                out,
                created_by=created_by,
                keep_duplicates=keep_duplicates,
                skip_malformed=skip_malformed,
                progress=progress,
            )
    else:
        frame = mssd_mini.read(path)
        kept, duplicates = canonical.without_repeats(frame)
        info = canonical.write_frame(
            frame if keep_duplicates else kept,
            out,
            name=kind,
            simulated=False,
            source=str(path),
            created_by=created_by,
            notes={"duplicates": duplicates, "duplicates_kept": keep_duplicates},
        )
    _report(info, out, as_json)


@app.command()
def mini(
    path: Annotated[Path, typer.Argument(help="MSSD's raw logs: .csv or .csv.gz files, any size.")],
    out: Out,
    sessions: Annotated[int, typer.Option(help="How many to keep.")] = 10_000,
    shortest: Annotated[int, typer.Option(help="Plays that a session must have.")] = 15,
    skip_malformed: Annotated[
        bool, typer.Option(help="Leave malformed rows out instead of stopping.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Choose a dense subset of MSSD: long sessions of tracks that many other sessions have."""
    from models.data.mssd_subset import write_subset

    if not path.exists():
        raise ValueError(f"no such file or directory: {path}")
    with _bytes_read(path, passes=2) as progress:
        info = write_subset(
            path,
            out,
            sessions=sessions,
            shortest=shortest,
            created_by=f"segue {version('segue')} data mini",
            skip_malformed=skip_malformed,
            progress=progress,
        )
    _report(info, out, as_json)


@app.command()
def simulate(
    out: Out,
    seed: Annotated[int, typer.Option(help="The same seed gives the same listeners.")] = 0,
    sessions: Annotated[int | None, typer.Option(help="How many sessions.")] = None,
    tracks: Annotated[int | None, typer.Option(help="How many tracks.")] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Any parameter of docs/data.md, as KEY=VALUE.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Simulate listeners and write their sessions; dataset.json says that they are simulated."""
    import numpy as np

    from models.data import canonical, sources
    from models.data.simulated import simulate as simulate_listeners

    given = [
        f"{key}={value}" for key, value in (("sessions", sessions), ("tracks", tracks)) if value
    ]
    text = ",".join([*given, *(setting or []), f"seed={seed}"])
    listeners, seed = sources.parse_listeners(text)
    frame = simulate_listeners(listeners, np.random.default_rng(seed))
    info = canonical.write_frame(
        frame,
        out,
        name="simulated",
        simulated=True,
        source=f"simulated:{text}",
        created_by=f"segue {version('segue')} data simulate",
    )
    _report(info, out, as_json)


@app.command()
def show(
    spec: Annotated[
        str,
        typer.Argument(
            help="NAME:PATH: mssd-mini, mssd, 30music, ml-1m, ml-100k, sessions, parquet; "
            "or simulated[:…]."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Count sessions, tracks, outcomes and duplicates; say whether the data is simulated."""
    import msgspec

    from models.data.sources import open_source
    from models.data.summary import summarise

    summary = msgspec.structs.asdict(summarise(open_source(spec)))
    if as_json:
        typer.echo(json.dumps(summary))
        return
    for key, value in summary.items():
        if key == "outcomes":
            for name, share in value.items():
                typer.echo(f"{name:<16} {share:.1%}")
        else:
            typer.echo(f"{key:<16} {value}")


def _report(info: DatasetInfo, out: Path, as_json: bool) -> None:
    import msgspec

    if as_json:
        typer.echo(json.dumps({"out": str(out), **msgspec.structs.asdict(info)}))
        return
    label = "simulated sessions" if info.simulated else "sessions"
    typer.echo(f"{out}: {info.sessions:,} {label}, {info.rows:,} rows, {info.tracks:,} tracks")
    for name, value in info.notes.items():
        typer.echo(f"  {name.replace('_', ' ')}: {value}")


@contextmanager
def _bytes_read(path: Path, passes: int = 1) -> Iterator[Callable[[int], None]]:
    """A progress bar over the logs' bytes on a terminal; elsewhere a line for each tenth."""
    from models.data.mssd import log_files

    total = passes * sum(file.stat().st_size for file in log_files(path))
    if sys.stderr.isatty():
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("reading logs", total=total)
            yield lambda n: bar.advance(task, n)
        return
    done = 0

    def line(n: int) -> None:
        nonlocal done
        if (done + n) * 10 // max(1, total) > done * 10 // max(1, total):
            typer.echo(f"reading logs: {100 * (done + n) // max(1, total)} %", err=True)
        done += n

    yield line
