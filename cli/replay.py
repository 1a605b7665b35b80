"""`segue replay`: play a data set's sessions into Kafka, at a rate or faster than real time."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TextColumn

if TYPE_CHECKING:
    from streams.player import Ledger


def replay(
    data: Annotated[str, typer.Option(help="NAME:PATH, or simulated[:KEY=VALUE,...].")],
    bootstrap: Annotated[str | None, typer.Option(help="HOST:PORT of a broker.")] = None,
    rate: Annotated[float | None, typer.Option(help="Events a second [50 unless --speed].")] = None,
    speed: Annotated[
        float | None, typer.Option(help="Times faster than real time; 1 is real.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Stop after so long.")] = None,
    sessions: Annotated[int | None, typer.Option(help="Stop after so many sessions.")] = None,
    concurrent: Annotated[int, typer.Option(help="Sessions under way at once.")] = 50,
    starts: Annotated[bool, typer.Option(help="Send a start before each play or skip.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of how sessions interleave.")] = 0,
    prefix: Annotated[str | None, typer.Option(help="Prefix of the topics' names.")] = None,
    run: Annotated[
        str | None, typer.Option(help="In front of session ids [fresh each time].")
    ] = None,
    hash_sessions: Annotated[
        bool, typer.Option("--hash-sessions", help="Send pseudonyms of session ids (privacy.*).")
    ] = False,
    ledger: Annotated[Path | None, typer.Option(help="Write each acknowledged event here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Play a data set's sessions into the events topic. Ctrl-C stops it cleanly."""
    from infra.topics import Topics
    from models.data.sources import open_source
    from streams.player import play
    from streams.pseudonyms import pseudonymous
    from streams.replay import Pace, schedule
    from streams.settings import load_settings

    settings = load_settings(kafka={"bootstrap": bootstrap}, topics={"prefix": prefix})
    if rate is None and speed is None:
        rate = 50.0
    pace = Pace(rate=rate, speed=speed, concurrent=concurrent, starts=starts, seed=seed)
    source = open_source(data)
    run = run or f"replay-{uuid.uuid4().hex[:8]}"
    topic = Topics.named(settings.topics.prefix).events
    events = schedule(islice(source.listenings(), sessions), pace, run)
    if hash_sessions:
        events = pseudonymous(events, settings.privacy.key)
    with _stopping() as stop, _progress() as progress:
        result = play(
            events,
            bootstrap=settings.kafka.connection,
            topic=topic,
            stop=stop,
            seconds=float("inf") if seconds is None else seconds,
            progress=progress,
        )
    if ledger is not None:
        _write(result, ledger)
    report = {
        "sent": result.sent,
        "acknowledged": len(result.acknowledged),
        "failed": len(result.failed),
        "rate": round(result.rate, 2),
        "seconds": round(result.seconds, 3),
        "behind_seconds": round(result.behind, 3),
        "stopped": stop.is_set(),
        "run": run,
        "topic": topic,
        "data": {"name": source.name, "simulated": source.simulated},
    }
    if as_json:
        typer.echo(json.dumps(report))
    else:
        label = " (simulated)" if source.simulated else ""
        typer.echo(
            f"{result.sent:,} events of {source.name}{label} sent to {topic} in "
            f"{result.seconds:.1f} s ({result.rate:.1f}/s), "
            f"{len(result.acknowledged):,} acknowledged, {len(result.failed)} failed"
        )
    if len(result.acknowledged) < result.sent:
        raise typer.Exit(1)


def _write(result: Ledger, path: Path) -> None:
    """One JSON object a line: session_id, event_id, partition, offset, sent_at."""
    with path.open("w") as file:
        for entry in result.acknowledged:
            file.write(json.dumps(entry._asdict()) + "\n")


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that Ctrl-C or a polite kill sets; a second Ctrl-C ends at once."""
    stop = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _progress() -> Iterator[Callable[[Ledger], None]]:
    """A live line on a terminal; elsewhere a plain line every ten seconds."""
    last = time.monotonic()

    def plain(ledger: Ledger) -> None:
        nonlocal last
        if time.monotonic() - last >= 10:
            last = time.monotonic()
            typer.echo(f"sent {ledger.sent}, acknowledged {len(ledger.acknowledged)}", err=True)

    if not sys.stderr.isatty():
        yield plain
        return
    with Progress(TextColumn("{task.description}"), console=Console(stderr=True)) as bar:
        task = bar.add_task("waiting for the broker")

        def live(ledger: Ledger) -> None:
            nonlocal last
            if time.monotonic() - last >= 0.1:
                last = time.monotonic()
                text = f"sent {ledger.sent:,}, acknowledged {len(ledger.acknowledged):,}"
                bar.update(task, description=text)

        yield live
