"""A demo from the command line's point of view: signals, exit code, summary and report file."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.markup import escape

from ..machine import write_result
from . import view
from .report import Run, report
from .stage import Options, Played, Stage
from .steps import StepError, Steps, Stopped

INTERRUPTED = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(options: Options, out: Path | None, as_json: bool, command: list[str]) -> int:
    """Play a demo and give its exit code: 0, 1 for a promise not kept, 130 after Ctrl-C, ...

    Everything a person reads goes to stderr with `as_json`, and else to stdout.

    Raises:
        ValueError: the data cannot be.
        BrokerError: the broker that was named is not there.
    """
    console = Console(stderr=as_json)
    code = 0
    with _asked_to_stop() as check:
        stage = Stage(options, Steps(console, check), time.monotonic())
        try:
            stage.play()
        except Stopped:
            console.print("stopped", style="yellow")
            code = INTERRUPTED
        except StepError as err:
            console.print(f"[red]✗[/] {escape(str(err))}", highlight=False, soft_wrap=True)
            code = err.code
        except BlockingIOError:
            raise ValueError(
                f"another demo uses {options.directory}: wait for its end, or give another --dir"
            ) from None
    played = stage.so_far()
    if played is None or not played.end.tally.events_in:
        console.print(f"no event was played; logs: {options.directory / 'logs'}", soft_wrap=True)
        return code or 1
    record = _record(options, played, command, interrupted=code != 0)
    console.print(view.summary(record))
    if out is not None:
        write_result(out, record)
        console.print(f"report: {out}", highlight=False, soft_wrap=True)
    console.print(f"logs: {options.directory / 'logs'}", highlight=False, soft_wrap=True)
    if as_json:
        print(json.dumps(record))
    kept, sessions = played.end.tally, played.end.sessions
    broken = kept.missing or kept.conflicts or kept.wrong_reasons or (sessions and sessions.unequal)
    return code or int(bool(broken))


def _record(
    options: Options, played: Played, command: list[str], *, interrupted: bool
) -> dict[str, object]:
    how = Run(
        data=options.data,
        seed=options.choices.seed,
        seconds=options.seconds,
        rate=options.rate,
        every=options.every,
        command=command,
    )
    return report(played.end, played.base, how, played.poison, interrupted)


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], None]]:
    """Give what raises Stopped once a signal came."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True

    def check() -> None:
        if asked:
            raise Stopped

    before = {number: signal.signal(number, ask) for number in _SIGNALS}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
