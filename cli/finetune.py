"""`segue finetune`: learn from the newest feedback, and announce what the gate accepts."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from models.finetuning.finetune import FinetuneConfig, FineTuner, Result
    from models.training.schedule import Schedule

UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def finetune(
    bootstrap: Annotated[str | None, typer.Option(help="HOST:PORT of a broker.")] = None,
    name: Annotated[
        str | None, typer.Option(help="The models' name [the only one there is].")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Fine-tune once and end [default].")] = False,
    every: Annotated[
        str | None, typer.Option(help="Go on, so far apart: 60s, 5m. Until a signal ends it.")
    ] = None,
    models: Annotated[Path | None, typer.Option(help="Folder of the bundles.")] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Start from this one while no champion is announced.")
    ] = None,
    min_sessions: Annotated[
        int, typer.Option(min=1, help="Wait for so many sessions of feedback.")
    ] = 300,
    seconds: Annotated[float, typer.Option(help="Train for so long at most.")] = 20.0,
    learning_rate: Annotated[
        float | None, typer.Option(help="At its highest [what was measured to be good].")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of every random draw.")] = 0,
    prefix: Annotated[str | None, typer.Option(help="Put in front of every topic name.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Of torch.")] = 1,
    nice: Annotated[
        int, typer.Option(min=0, max=19, help="Give way to other processes; 19 the most.")
    ] = 10,
    metrics_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of /metrics; 0: any that is free.")
    ] = None,
    metrics_host: Annotated[str, typer.Option(help="Address of that port.")] = "127.0.0.1",
    as_json: Annotated[bool, typer.Option("--json", help="Print each verdict as JSON.")] = False,
) -> None:
    """Fine-tune the champion on new feedback; exit code 1 when the gate refuses (with --once)."""
    if once and every is not None:
        raise ValueError("--once and --every exclude each other: give one")
    if learning_rate is not None and not learning_rate > 0:
        raise ValueError(f"--learning-rate {learning_rate:g}: expected more than 0, such as 0.002")
    pause = None if every is None else _seconds(every)
    # Raised in the main thread: what is half written is removed on the way out.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # one line of ours says the same
    if pause is None:
        _require_broker(bootstrap)  # before torch is imported, which takes seconds
    _give_way(nice, threads)
    told = _counting(metrics_host, metrics_port)
    schedule = _schedule(seconds, threads, learning_rate)
    config = _config(bootstrap, name, models, bundle, min_sessions, schedule, seed, prefix)
    tuner = _tuner(config, as_json)
    if pause is None:
        result = tuner.run_once()
        told(result)
        _print(result, as_json)
        raise typer.Exit(1 if result.verdict == "refused" else 0)

    def say(result: Result | None) -> None:
        told(result)
        if result is not None and result.verdict != "nothing_to_do":
            _print(result, as_json)

    tuner.run_every(pause, threading.Event(), say)


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    value = float(found[1]) * UNITS[found[2]] if found else 0.0
    if value <= 0:
        raise ValueError(f"--every {text}: expected a time such as 60s, 5m or 1h")
    return value


def _require_broker(bootstrap: str | None) -> None:
    from infra.greeting import require_broker
    from streams.settings import load_settings

    require_broker(load_settings(kafka={"bootstrap": bootstrap}).kafka.connection)


def _give_way(nice: int, threads: int) -> None:
    """Leave the cores to the worker: a fine-tune may take longer, an answer may not."""
    # More threads than that spin for the same cores: small batches were 11 to 30 times slower.
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    if nice:
        os.nice(nice)
    import torch

    torch.set_num_threads(threads)


def _schedule(seconds: float, threads: int, learning_rate: float | None) -> Schedule:
    from dataclasses import replace

    from models.finetuning.trial import TrialConfig

    usual = TrialConfig().schedule
    rate = usual.learning_rate if learning_rate is None else learning_rate
    return replace(usual, seconds=seconds, threads=threads, learning_rate=rate)


def _config(
    bootstrap: str | None,
    name: str | None,
    models: Path | None,
    bundle: Path | None,
    min_sessions: int,
    schedule: Schedule,
    seed: int,
    prefix: str | None,
) -> FinetuneConfig:
    from dataclasses import replace

    from infra.topics import Topics
    from models.finetuning.finetune import FinetuneConfig
    from models.finetuning.trial import TrialConfig
    from streams.settings import load_settings

    settings = load_settings(
        kafka={"bootstrap": bootstrap}, topics={"prefix": prefix}, models={"root": models}
    )
    return FinetuneConfig(
        bootstrap=settings.kafka.connection,
        topics=Topics.named(settings.topics.prefix),
        root=settings.models.root,
        name=name,
        bundle=bundle,
        min_sessions=min_sessions,
        seed=seed,
        trial=replace(TrialConfig(), schedule=schedule),
    )


def _tuner(config: FinetuneConfig, as_json: bool) -> FineTuner:
    from models.finetuning.finetune import FineTuner

    return FineTuner(config, say=lambda line: typer.echo(line, err=as_json))


def _counting(host: str, port: int | None) -> Callable[[Result | None], None]:
    """Give what counts a result; `/metrics` is served where a port was asked for."""
    if port is None:
        return lambda result: None
    import time

    from prometheus_client import CollectorRegistry

    from streams.metrics import FinetuneMetrics
    from streams.monitoring import serve_metrics

    metrics = FinetuneMetrics(CollectorRegistry())
    server = serve_metrics(metrics.registry, host, port)
    typer.echo(f"metrics on http://{host}:{server.server_address[1]}/metrics", err=True)

    def count(result: Result | None) -> None:
        verdict = "failed" if result is None else result.verdict
        metrics.finetunes.labels(verdict).inc()
        if verdict != "nothing_to_do":
            metrics.last.set(time.time())
            metrics.success.set(verdict == "accepted")

    return count


def _print(result: Result, as_json: bool) -> None:
    import msgspec

    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(result)))
        return
    numbers = ", ".join(
        f"{key} {value:.4g}" for key, value in result.numbers.items() if value is not None
    )
    said = f"{result.verdict} {result.version or ''}".strip()
    why = "".join(f"\n  {reason}" for reason in result.reasons)
    typer.echo(f"{said} after {result.seconds:.1f} s: {numbers or 'no numbers'}{why}")
