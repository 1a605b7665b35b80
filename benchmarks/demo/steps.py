"""The steps before the stream, as a person sees them: what is done now, for how long, and what of.

On a terminal one line moves, and each step leaves a line; elsewhere a line for each beginning, news
and end. A step that fails says so with the last lines of its log. What the steps do is base.py's
and stage.py's.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.markup import escape

from .processes import Child

_PAUSE = 0.1  # seconds between two looks
_NEWS = 5.0  # seconds between two lines of news where there is no terminal
_TERMINAL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[^\n]*\r(?!\n)")
_LOGGED = re.compile(r"^[0-9-]{10} [0-9:,]{8,12} [A-Z]+ [\w.]+: ")
T = TypeVar("T")


class StepError(RuntimeError):
    """A step failed; `code` is the exit code that it means."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Stopped(BaseException):
    """Somebody asked the demo to stop; not an Exception, so that nothing on the way keeps it."""


class Steps:
    """Shows steps on a console; `check` is asked all the time, and raises Stopped to end it."""

    def __init__(self, console: Console, check: Callable[[], None]) -> None:
        self.console = console
        self.check = check

    def finish(self, what: str, child: Child, *others: Child, seconds: float = 1800) -> None:
        """Wait until children have ended well; the news is the first one's.

        Raises:
            StepError: one did not end well, or not in time.
        """

        def ended() -> bool | None:
            return True if all(one.status == 0 for one in (child, *others)) else None

        self.until(what, ended, child, *others, seconds=seconds)

    def until(
        self,
        what: str,
        condition: Callable[[], T | None],
        child: Child,
        *others: Child,
        seconds: float,
    ) -> T:
        """Wait until `condition` gives something, and give it.

        Raises:
            StepError: a child ended badly before, or the time is over.
        """
        deadline = time.monotonic() + seconds
        with self._shown(what) as news:
            while True:
                running = [one for one in (child, *others) if one.status is None]
                for one in (child, *others):
                    if one.status:
                        raise failed(what, one)
                found = condition()
                if found is not None:
                    return found
                if not running:  # they ended before they did what they were for
                    raise failed(what, child)
                if time.monotonic() > deadline:
                    raise failed(what, child, f"took over {seconds:g} s")
                self.check()
                news(last_line(child))
                time.sleep(_PAUSE)

    def note(self, text: str) -> None:
        """Say something that is no step."""
        self.console.print(f"[dim]·[/] {escape(text)}", highlight=False, soft_wrap=True)

    def _say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def _shown(self, what: str) -> Iterator[Callable[[str], None]]:
        began = time.monotonic()
        printed = [began]
        if self.console.is_terminal:
            with self.console.status(escape(what)) as status:

                def move(text: str) -> None:
                    passed = f"{time.monotonic() - began:.0f} s"
                    width = max(10, self.console.width - len(what) - len(passed) - 8)
                    status.update(f"{escape(what)} [dim]{passed} {escape(text[:width])}[/]")

                yield move
        else:
            self._say(f"{what} ...")
            shown = [""]

            def line(text: str) -> None:
                if text != shown[0] and time.monotonic() - printed[0] > _NEWS:
                    printed[0], shown[0] = time.monotonic(), text
                    self._say(f"  {text}")

            yield line
        passed = f"{time.monotonic() - began:.1f} s"
        done = f"[green]✓[/] {escape(what)} [dim]{passed}[/]"
        self.console.print(done, highlight=False, soft_wrap=True)


def failed(what: str, child: Child, how: str | None = None) -> StepError:
    """Say what a child's end means to the demo, with its last words."""
    status = child.status
    if how is None:
        ended = f"signal {-status}" if status is not None and status < 0 else f"status {status}"
        how = f"ended with {ended}"
    code = status if status in (1, 2, 3) else 1
    return StepError(
        f"{what}: {child.name} {how}; last lines of {child.log}:\n{child.tail()}", code
    )


def last_line(child: Child) -> str:
    """What a child wrote last, without what moves a terminal's cursor."""
    lines = _TERMINAL.sub("", child.tail(3)).strip().splitlines()
    # A result for programs is no news for people, and neither is who logged it, and when.
    said = [_LOGGED.sub("", line).strip() for line in lines if not line.startswith("{")]
    return said[-1] if said else ""
