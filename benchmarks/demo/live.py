"""The live part on a console: panels that move on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import rich.live
from rich.console import Console
from rich.markup import escape

from . import view
from .processes import Child
from .steps import last_line
from .watch import Watch

_FRAME = 0.25  # seconds between two pictures
_LINE = 5.0  # seconds between two lines where there is no terminal


class Live:
    """Shows a watch while it is being filled; `began` is when the demo was asked for."""

    def __init__(
        self, console: Console, watch: Watch, worker: Child, learner: Child, began: float
    ) -> None:
        self._console, self._watch, self._learner = console, watch, learner
        self._began, self._shown = began, 0.0
        self._screen: rich.live.Live | None = None
        self._told = 0  # verdicts
        self._greeted = False
        self._label, self._seconds = "", 0.0

    @contextmanager
    def showing(self, label: str, seconds: float) -> Iterator[None]:
        """Show for the length of a block; the last picture is wiped, the summary replaces it."""
        self._label, self._seconds = label, seconds
        if not self._console.is_terminal:
            yield
            return
        with rich.live.Live(console=self._console, auto_refresh=False, transient=True) as screen:
            self._screen = screen
            try:
                yield
            finally:
                self._screen = None

    def refresh(self) -> None:
        """Show what is new, if it is time."""
        now = self._watch.snapshot()
        if now.first is not None and not self._greeted:
            self._greeted = True
            text = view.first(*now.first, time.monotonic() - self._began)
            text = f"[bold green]▶[/] {escape(text)}"
            wrapped = self._console.is_terminal
            self._console.print(text, highlight=False, soft_wrap=not wrapped)
        for record in now.finetunes[self._told :]:
            self._told += 1
            if self._screen is None:
                text = f"fine-tune {self._told}: {view.verdict(record)}"
                self._console.print(text, highlight=False, markup=False, soft_wrap=True)
        pause = _FRAME if self._screen is not None else _LINE
        if time.monotonic() - self._shown < pause or not now.tally.events_in:
            return
        self._shown = time.monotonic()
        if self._screen is None:
            self._console.print(view.line(now), highlight=False, markup=False, soft_wrap=True)
        else:
            learning = last_line(self._learner)
            self._screen.update(
                view.screen(now, self._label, self._seconds, learning), refresh=True
            )
