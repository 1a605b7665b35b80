"""`segue topics`: make the topics of the contract, and see whether a broker's agree with it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Literal

import typer

app = typer.Typer(no_args_is_help=True, help="The topics of the contract: make and check them.")

Bootstrap = Annotated[str | None, typer.Option(help="HOST:PORT of a broker.")]
Prefix = Annotated[str | None, typer.Option(help="Put in front of every topic's name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")]


@app.command()
def create(
    bootstrap: Bootstrap = None,
    partitions: Annotated[int | None, typer.Option(min=1, help="Of each but models.")] = None,
    prefix: Prefix = None,
    replication: Annotated[int | None, typer.Option(min=1, help="Copies of each.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make the topics that are not there; those that are stay as they are."""
    from infra.topics import Topics
    from infra.topics import create as make
    from streams.settings import load_settings

    settings = load_settings(
        kafka={"bootstrap": bootstrap},
        topics={"prefix": prefix, "partitions": partitions, "replication": replication},
    )
    named = Topics.named(settings.topics.prefix)
    wanted = settings.topics
    made = make(settings.kafka.connection, named, wanted.partitions, wanted.replication)
    there = [name for name in asdict(named).values() if name not in made]
    if as_json:
        typer.echo(json.dumps({"created": made, "existing": there}))
        return
    for name in made:
        typer.echo(f"created {name}")
    for name in there:
        typer.echo(f"exists  {name}")


@app.command()
def check(
    bootstrap: Bootstrap = None,
    partitions: Annotated[int | None, typer.Option(min=1, help="Expect so many.")] = None,
    prefix: Prefix = None,
    as_json: AsJson = False,
) -> None:
    """Say how a broker's topics differ from the contract, and what to do; exit code 1 if they do.

    Without --partitions, counts only have to be equal where the contract says so.
    """
    from infra.topics import Topics
    from infra.topics import check as compare
    from streams.settings import load_settings

    settings = load_settings(kafka={"bootstrap": bootstrap}, topics={"prefix": prefix})
    named = Topics.named(settings.topics.prefix)
    findings = compare(settings.kafka.connection, named, partitions)
    if as_json:
        report = {"ok": not findings, "findings": [asdict(finding) for finding in findings]}
        typer.echo(json.dumps(report))
    elif findings:
        for finding in findings:
            typer.echo(str(finding))
    else:
        typer.echo("the topics agree with the contract")
    if findings:
        raise typer.Exit(1)


@app.command()
def acls(
    role: Annotated[
        Literal["player", "consumer", "worker", "learner", "operator"],
        typer.Option("--for", help="What the program does."),
    ],
    principal: Annotated[str, typer.Option(help="User:NAME, as the broker knows it.")],
    bootstrap: Bootstrap = None,
    prefix: Prefix = None,
    group: Annotated[str | None, typer.Option(help="Consumer group of the workers.")] = None,
    consumers: Annotated[
        str, typer.Option(help="Consumer group of those who read the lists.")
    ] = "segue-consumers",
    apply: Annotated[bool, typer.Option("--apply", help="Create them on the broker.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what a role must be allowed on a broker with an authorizer; with --apply, allow it."""
    from infra.acls import apply as create_acls
    from infra.acls import grants
    from infra.topics import Topics
    from streams.settings import load_settings

    settings = load_settings(
        kafka={"bootstrap": bootstrap}, topics={"prefix": prefix}, worker={"group": group}
    )
    put = settings.topics.prefix
    wanted = grants(role, Topics.named(put), f"{put}{settings.worker.group}", f"{put}{consumers}")
    if apply:
        create_acls(settings.kafka.connection, principal, wanted)
    if as_json:
        rows = [asdict(grant) for grant in wanted]
        report = {"role": role, "principal": principal, "applied": apply, "grants": rows}
        typer.echo(json.dumps(report))
        return
    for grant in wanted:
        typer.echo(f"{'allowed' if apply else 'needs  '} {principal} {grant}")
