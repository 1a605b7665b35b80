"""`segue audit`: whether every event was answered once, and every session is what it must be."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from .kafka import steps

if TYPE_CHECKING:
    from rich.console import RenderableType

    from streams.findings import Findings

_UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def audit(
    bootstrap: Annotated[str | None, typer.Option(help="HOST:PORT of a broker.")] = None,
    prefix: Annotated[str | None, typer.Option(help="Prefix of the topics' names.")] = None,
    group: Annotated[str | None, typer.Option(help="Consumer group of the workers.")] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Count events since then: 10m, 6h, 1d ago, or 2026-11-24T08:00:00Z."),
    ] = None,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds that events in flight may take to be answered.")
    ] = 30.0,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")] = False,
) -> None:
    """Hold every acknowledged event against lists, dead letters and sessions.

    Exit code 1 when an event is missing, two lists are under one id, a dead letter gives a wrong
    reason or a session is not what replaying its events makes of it.
    """
    from infra.reader import reading
    from infra.topics import Topics
    from streams.inspection import Inspection
    from streams.settings import load_settings

    settings = load_settings(
        kafka={"bootstrap": bootstrap}, topics={"prefix": prefix}, worker={"group": group}
    )
    since_ms = None if since is None else moment_ms(since, time.time() * 1000)
    named = Topics.named(settings.topics.prefix)
    with reading(settings.kafka.connection) as consumer, steps() as progress:
        inspection = Inspection(
            consumer, named, settings.changelog, settings.session.limits, progress
        )
        found = inspection.run(since_ms, wait)
    if as_json:
        typer.echo(json.dumps(found.record()))
    else:
        from rich.console import Console

        Console(highlight=False).print(_shown(found), soft_wrap=True)
    if not found.kept:
        raise typer.Exit(1)


def moment_ms(text: str, now_ms: float) -> int:
    """A duration before now (90s, 10m, 6h, 1d) or an RFC 3339 time, in milliseconds since 1970.

    Raises:
        ValueError: it is neither.
    """
    duration = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    if duration:
        return max(0, int(now_ms - float(duration[1]) * _UNIT_MS[duration[2]]))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(
            f"--since {text!r}: expected a duration such as 90s, 10m, 6h or 1d, "
            "or a time with its zone such as 2026-11-24T08:00:00Z"
        )
    return max(0, int(moment.timestamp() * 1000))


def _shown(found: Findings) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    tally, sessions = found.tally, found.comparison
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    table.add_column()

    def row(what: str, count: int, note: str = "", *, bad: bool = False) -> None:
        table.add_row(what, Text(f"{count:,}", "bold red" if bad and count else ""), note)

    row("events", tally.events_in, f"since {found.since}" if found.since else "all that are kept")
    row("= answered", tally.answered)
    row("+ dead-lettered", tally.dead_lettered)
    row("+ missing", len(tally.missing), bad=True)
    row("repeats", tally.repeats, "the same answer again: allowed")
    row("conflicting", len(tally.conflicts), "another list under the same id", bad=True)
    row("wrong reasons", tally.wrong_reasons, "dead letters", bad=True)
    if tally.unreadable:
        row("unreadable", tally.unreadable, "lists and dead letters that are none")
    row("sessions equal", sessions.compared - len(sessions.unequal))
    row("sessions unequal", len(sessions.unequal), bad=True)
    row("sessions ended", sessions.swept, "their records are swept, as they may be")
    row("not compared", sessions.unknown, "sessions begun before the first event, or not answered")
    parts: list[RenderableType] = [table]
    parts += [Text(f"note: {note}", "yellow") for note in found.notes]
    parts += _troubles(found)
    parts.append(Text("kept", "bold green") if found.kept else Text("not kept", "bold red"))
    return Group(*parts)


def _troubles(found: Findings) -> list[RenderableType]:
    from rich.text import Text

    from streams.fault import REMEDY

    lines: list[RenderableType] = []
    for kind, remedy in REMEDY.items():
        of_kind = [fault for fault in found.faults if fault.kind == kind]
        if of_kind:
            lines.append(Text(f"\n{kind}: {remedy}", "bold"))
        lines += [
            Text(
                f"  {fault.partition}:{fault.offset}"
                + (f"  session {fault.session_id}" if fault.session_id is not None else "")
                + f"  {fault.said}"
            )
            for fault in of_kind
        ]
    return lines
