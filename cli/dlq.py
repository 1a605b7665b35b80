"""`segue dlq`: what was refused and why, and the same events sent once more."""

from __future__ import annotations

import heapq
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .audit import moment_ms
from .kafka import steps

if TYPE_CHECKING:
    from rich.table import Table

    from streams.letters import Choice, Letter, Replay
    from streams.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Dead letters: show them, and replay them.")

PREVIEW = 60  # characters of a value that are shown
Bootstrap = Annotated[str | None, typer.Option(help="HOST:PORT of a broker.")]
Prefix = Annotated[str | None, typer.Option(help="Prefix of the topics' names.")]
Reason = Annotated[list[str] | None, typer.Option(help="Only these reasons; may be repeated.")]
Since = Annotated[
    str | None, typer.Option(help="Only since then: 10m, 6h, 1d ago, or 2026-11-24T08:00:00Z.")
]
At = Annotated[
    list[str] | None,
    typer.Option("--at", help="Only this PARTITION:OFFSET of the dead-letter topic; repeatable."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")]


@app.command()
def show(
    bootstrap: Bootstrap = None,
    prefix: Prefix = None,
    reason: Reason = None,
    since: Since = None,
    at: At = None,
    limit: Annotated[int, typer.Option(min=1, help="Show so many, the newest.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show dead letters, the newest last: where, why, and how each begins."""
    from infra.reader import reading
    from infra.topics import Topics
    from streams.letters import Letters

    settings = _settings(bootstrap, prefix)
    choice = _choice(reason, since, at)
    counts: Counter[str] = Counter()

    def counted(letters: Iterable[Letter]) -> Iterator[Letter]:
        for letter in letters:
            counts[letter.reason] += 1
            yield letter

    with reading(settings.kafka.connection) as consumer, steps() as progress:
        topic = Topics.named(settings.topics.prefix).dlq
        progress("read dead letters", 0, 0)
        # Partitions are read side by side, so only its time says how new a letter is.
        newest = heapq.nlargest(
            limit, counted(Letters(consumer, topic, choice)), key=lambda one: one.appended_ms
        )
    letters = newest[::-1]
    if as_json:
        rows = [_record(letter) for letter in letters]
        typer.echo(json.dumps({"total": counts.total(), "reasons": counts, "letters": rows}))
        return
    if letters:
        from rich.console import Console

        Console(highlight=False).print(_table(letters), soft_wrap=True)
    told = ", ".join(f"{name} {count}" for name, count in counts.most_common())
    typer.echo(f"{len(letters)} of {counts.total()} dead letters" + (f": {told}" if told else ""))


@app.command()
def replay(
    bootstrap: Bootstrap = None,
    prefix: Prefix = None,
    reason: Reason = None,
    since: Since = None,
    at: At = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing, say what.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send the events of dead letters again, as they came, to the events topic.

    Exit code 1 when a letter cannot be sent because it does not hold all that the player sent.
    """
    from infra.reader import reading
    from infra.topics import Topics
    from streams.letters import Letters, Replay, send

    choice = _choice(reason, since, at)
    if not (choice.reasons or choice.places or choice.since_ms is not None):
        raise typer.BadParameter(
            "say which: --reason, --since or --at; `segue dlq show` lists them"
        )
    if not (dry_run or yes or sys.stdin.isatty()):
        raise typer.BadParameter("nobody can be asked here: give --yes, or --dry-run to see first")
    settings = _settings(bootstrap, prefix)
    topics, broker = Topics.named(settings.topics.prefix), settings.kafka.connection
    now_ms = int(time.time() * 1000)
    planned = Replay()
    with reading(broker) as consumer, steps() as progress:
        letters = Letters(consumer, topics.dlq, choice)
        progress("read dead letters", 0, 0)
        for _ in planned.sendable(letters, now_ms):
            pass
        if not (dry_run or yes):
            _print_replay(planned, topics.events, "would be sent", err=True)
            dry_run = not planned.sent or not typer.confirm("Send them?", err=True)
        if not dry_run and planned.sent:
            chosen = Replay().sendable(letters, now_ms)
            send(
                broker, topics.events, chosen,
                lambda done: progress("send them again", done, planned.sent),
            )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(_report(planned, topics.events, dry_run)))
    else:
        _print_replay(planned, topics.events, "would be sent" if dry_run else "sent")
    if planned.lost:
        raise typer.Exit(1)


def _settings(bootstrap: str | None, prefix: str | None) -> Settings:
    from streams.settings import load_settings

    return load_settings(kafka={"bootstrap": bootstrap}, topics={"prefix": prefix})


def _choice(reason: list[str] | None, since: str | None, at: list[str] | None) -> Choice:
    from streams.decoding import REASONS
    from streams.letters import Choice, parse_places

    if strangers := set(reason or ()) - set(REASONS):
        raise ValueError(f"--reason {sorted(strangers)[0]!r}: expected one of {', '.join(REASONS)}")
    since_ms = None if since is None else moment_ms(since, time.time() * 1000)
    return Choice(frozenset(reason or ()), since_ms, parse_places(at or ()))


def _report(replay: Replay, topic: str, dry_run: bool) -> dict[str, Any]:
    return {
        "topic": topic,
        "dry_run": dry_run,
        "sent": 0 if dry_run else replay.sent,
        "sendable": replay.sent,
        "twins": replay.twins,
        "not_whole": [f"{p}:{o}" for p, o in (letter.place for letter in replay.lost)],
        "refused_again": replay.again,
    }


def _print_replay(replay: Replay, topic: str, how: str, *, err: bool = False) -> None:
    typer.echo(f"{replay.sent} {how} to {topic}", err=err)
    if replay.twins:
        typer.echo(f"{replay.twins} are the same event as one of those", err=err)
    for why, count in replay.again.items():
        typer.echo(f"{count} of them will be refused again: {why}", err=err)
    if replay.lost:
        places = " ".join(f"{p}:{o}" for p, o in (letter.place for letter in replay.lost[:10]))
        typer.echo(
            f"{len(replay.lost)} cannot be sent: the letter does not hold all that the player "
            f"sent (empty, or over the cap): {places}",
            err=err,
        )


def _record(letter: Letter) -> dict[str, Any]:
    from streams.recommendations import rfc3339

    topic, partition, offset = letter.source or (None, None, None)
    return {
        "partition": letter.partition,
        "offset": letter.offset,
        "appended_at": rfc3339(letter.appended_ms),
        "reason": letter.reason,
        "detail": letter.detail,
        "source": {"topic": topic, "partition": partition, "offset": offset},
        "replays": letter.replays,
        "key": _shown(letter.key, 2 * PREVIEW),
        "bytes": letter.size,
        "whole": letter.whole,
        "preview": _shown(letter.value, 4 * PREVIEW),
    }


def _table(letters: list[Letter]) -> Table:
    """What stands in one line stays there; the rest folds, since terminals are narrow."""
    from rich.table import Table
    from rich.text import Text

    from streams.recommendations import rfc3339

    table = Table(box=None, pad_edge=False)
    for name in ("at", "appended", "reason"):
        table.add_column(name, no_wrap=True)
    table.add_column("what", overflow="fold")
    for letter in letters:
        origin = "an event" if letter.source is None else "{} {}:{}".format(*letter.source)
        again = f", replayed {letter.replays} times before" if letter.replays else ""
        what = (
            f"{_shown(letter.detail.encode(), 4 * PREVIEW)}\n"
            f"{_shown(letter.value, PREVIEW)}\n"
            f"{letter.size} bytes of {origin}{again}"
        )
        place = f"{letter.partition}:{letter.offset}"
        row = (place, rfc3339(letter.appended_ms), letter.reason, what)
        table.add_row(*(Text(cell) for cell in row))
    return table


def _shown(raw: bytes | None, most: int) -> str | None:
    """The beginning of what a player sent, with nothing in it that a terminal would act on."""
    if raw is None:
        return None
    text = raw[: 4 * most].decode(errors="replace")
    safe = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    return safe if len(safe) <= most else safe[: most - 1] + "…"
