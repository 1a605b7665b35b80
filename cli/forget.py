"""`segue forget`: drop what is kept of one session."""

from __future__ import annotations

import json
from typing import Annotated

import typer

KEPT = (
    "its events, feedback (7 days), lists (24 hours) and dead letters (14 days) go by the "
    "retention of their topics, and what models learned of it stays in them"
)


def forget(
    session: Annotated[str, typer.Argument(help="The session's id.")],
    bootstrap: Annotated[str | None, typer.Option(help="HOST:PORT of a broker.")] = None,
    prefix: Annotated[str | None, typer.Option(help="Prefix of the topics' names.")] = None,
    group: Annotated[str | None, typer.Option(help="Consumer group of the workers.")] = None,
    hash_session: Annotated[
        bool,
        typer.Option("--hash-session", help="Its id is the pseudonym of SESSION (privacy.*)."),
    ] = False,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds that the workers may take to do it.")
    ] = 30.0,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")] = False,
) -> None:
    """Have the workers drop what they keep of a session; exit code 1 when they did not in time."""
    from infra.topics import Topics
    from streams.forgetting import forget as ask
    from streams.pseudonyms import pseudonym
    from streams.settings import load_settings

    settings = load_settings(
        kafka={"bootstrap": bootstrap}, topics={"prefix": prefix}, worker={"group": group}
    )
    if hash_session:
        session = pseudonym(session, settings.privacy.key)
    if not as_json:
        typer.echo(f"asking the workers to forget {session} ...", err=True)
    topics = Topics.named(settings.topics.prefix)
    found = ask(settings.kafka.connection, topics, settings.changelog, session, wait)
    if as_json:
        told = {"session_id": session, **found._asdict(), "done": found.done, "kept": KEPT}
        typer.echo(json.dumps(told))
    elif found.done:
        typer.echo(f"{session} is forgotten: no worker has it, and its record has a tombstone")
        typer.echo(f"note: {KEPT}")
    elif found.answered:
        typer.echo(f"a worker has dropped {session}; its tombstone was not seen in {wait:g} s")
    else:
        typer.echo(
            f"no worker answered within {wait:g} s: the request waits in the events topic at "
            f"{found.partition}:{found.offset}; does a worker of this group run, and is it new "
            "enough to know `forget`?"
        )
    if not found.done:
        raise typer.Exit(1)
