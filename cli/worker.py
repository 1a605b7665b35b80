"""`segue worker`: one process that answers events."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def worker(
    bundle: Annotated[
        Path | None,
        typer.Option(help="Serve this bundle, and what is announced later under its name."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Serve the champion of this name from the models topic.")
    ] = None,
    bootstrap: Annotated[str | None, typer.Option(help="HOST:PORT of a broker.")] = None,
    prefix: Annotated[str | None, typer.Option(help="Put in front of every topic name.")] = None,
    group: Annotated[
        str | None, typer.Option(help="Consumer group; workers of one group share the partitions.")
    ] = None,
    models: Annotated[Path | None, typer.Option(help="Folder of the bundles.")] = None,
    metrics_port: Annotated[
        int | None, typer.Option(help="Port of /metrics, /ready and /live; 0: any that is free.")
    ] = None,
    metrics_host: Annotated[str | None, typer.Option(help="Address of that port.")] = None,
    provider: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
) -> None:
    """Answer playback events with recommendations until a signal ends it (exit code 0)."""
    if (bundle is None) == (name is None):
        raise typer.BadParameter("give one of --bundle DIR and --name NAME")
    import logging.config

    from streams.settings import load_settings
    from streams.worker.run import log_config, run_worker

    settings = load_settings(
        kafka={"bootstrap": bootstrap},
        topics={"prefix": prefix},
        models={"root": models},
        scoring={"provider": provider},
        worker={"group": group, "metrics_port": metrics_port, "metrics_host": metrics_host},
    )
    logging.config.dictConfig(log_config())
    run_worker(settings, bundle, name)
