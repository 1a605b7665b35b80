"""Follows the models topic for one name: verify, warm, swap, roll back, while the old model serves.

A thread beside the worker; it does not score, and it knows neither Faust nor a worker. What an
announcement asks for is decided in slot.py, where the scorers are.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infra.broker import BrokerError
from infra.connection import Address
from infra.greeting import require_listener
from infra.reader import Record, assigned, reading

from .announcements import bundle_path, read_announcement
from .events import ModelAnnouncement
from .manifest import BundleError
from .pace import check_pace
from .slot import Action, ModelSlot, action, adopts, needed

if TYPE_CHECKING:
    from .scoring import Scorer

__all__ = ["OUTCOMES", "Follower", "ModelSlot"]

logger = logging.getLogger(__name__)

_POLL_MS = 200
_LOOK_SECONDS = 2.0
OUTCOMES = ("swapped", "refused", "rolled_back", "already")
"""What acting on an announcement can come to; a metric's label."""


class Follower:
    """The thread that keeps a slot on the champion of `name`.

    `load` opens, verifies and warms a bundle (it raises BundleError to refuse), in this thread, so
    that a batch never waits for it. A bundle that takes more than `slow_factor` times as long as
    what serves is refused too. `on_outcome(outcome, announcement, seconds)` and
    `on_refusal(reason)`, one of REFUSALS, tell a metric.
    """

    def __init__(
        self,
        bootstrap: Address,
        topic: str,
        name: str,
        slot: ModelSlot,
        load: Callable[[Path], Scorer],
        *,
        root: Path | None = None,
        slow_factor: float = 5.0,
        on_outcome: Callable[[str, ModelAnnouncement, float], None] | None = None,
        on_refusal: Callable[[str], None] = lambda reason: None,
        retry_seconds: float = 1.0,
    ) -> None:
        self._bootstrap, self._topic, self._name = bootstrap, topic, name
        self._slot, self._load, self._root = slot, load, root
        self._slow_factor, self._on_refusal = slow_factor, on_refusal
        self._on_outcome, self._retry_seconds = on_outcome, retry_seconds
        self._offsets: dict[int, int] = {}
        self._away = False
        self._stopping, self._caught_up = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="segue-models", daemon=True)

    def start(self) -> None:
        """Begin to follow; a broker that is away is waited for."""
        self._thread.start()

    def catch_up(self, deadline_seconds: float) -> bool:
        """Wait until the champion announced before the start serves; False when it took longer."""
        return self._caught_up.wait(deadline_seconds)

    def stop(self, timeout: float = 5.0) -> None:
        """Stop following; what serves goes on serving."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def act(self, entry: ModelAnnouncement) -> None:
        """Do what an announcement asks for, and say what came of it."""
        started = time.monotonic()
        before = self._slot.current
        match action(entry, self._slot):
            case Action.NOTHING:
                return
            case Action.ALREADY:
                outcome = "already"
            case Action.BACK:
                self._slot.rollback()
                outcome = "rolled_back"
            case Action.RETURN:
                assert self._slot.previous is not None
                self._slot.swap(self._slot.previous)
                outcome = "swapped"
            case Action.LOAD:
                outcome = self._try(entry)
        seconds = time.monotonic() - started
        if outcome in ("swapped", "rolled_back") and self._slot.current is not None:
            old = before.version if before is not None else "no model"
            new = self._slot.current.version
            logger.info("%s: %s, from %s to %s in %.2f s", self._name, outcome, old, new, seconds)
        if self._on_outcome is not None:
            self._on_outcome(outcome, entry, seconds)

    def _try(self, entry: ModelAnnouncement) -> str:
        try:
            scorer = self._load(bundle_path(entry, self._root))
            _check(scorer, entry)
            if self._slot.current is not None:
                check_pace(scorer, self._slot.current, self._slow_factor)
        except Exception as err:
            # Not BundleError alone: whatever a bundle does when loaded, the old one serves on.
            known = isinstance(err, BundleError)
            self._on_refusal(err.reason if isinstance(err, BundleError) else "internal")
            logger.warning(
                "%s: refused %s, %s serves on: %s",
                self._name,
                entry.version,
                self._slot.current.version if self._slot.current else "no model",
                err,
                exc_info=not known,
            )
            return "refused"
        self._slot.swap(scorer)
        return "swapped"

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
            except BrokerError as err:
                if not self._away:  # one line for an outage, however long
                    logger.warning("%s: announcements cannot be read: %s", self._name, err)
                self._away = True
            except Exception:
                # A thread that dies in silence would leave the worker on an old model for ever.
                logger.exception("%s: following announcements failed, trying again", self._name)
            self._stopping.wait(self._retry_seconds)

    def _follow(self) -> None:
        with reading(self._bootstrap) as consumer:
            partitions = assigned(consumer, self._topic, self._offsets)
            ends = consumer.end_offsets(partitions)
            if self._away:
                logger.info("%s: announcements are read again", self._name)
            self._away = False
            history: list[ModelAnnouncement] = []
            looked = time.monotonic()
            while not self._stopping.is_set():
                reached = all(consumer.position(p) >= ends[p] for p in partitions)
                if reached and not self._caught_up.is_set():
                    self._begin(history)
                    self._caught_up.set()
                if self._caught_up.is_set():
                    # Kept only now: an outage before it must read the history again.
                    self._offsets = {p.partition: consumer.position(p) for p in partitions}
                if time.monotonic() - looked > _LOOK_SECONDS:
                    # The client would retry in silence, ever more slowly: an outage must be seen.
                    require_listener(self._bootstrap)
                    looked = time.monotonic()
                batches = consumer.poll(timeout_ms=_POLL_MS).values()
                entries = [entry for batch in batches for entry in self._own(batch)]
                if not self._caught_up.is_set():
                    history += entries
                    continue
                for entry in needed(entries):
                    self.act(entry)

    def _own(self, batch: Sequence[Record]) -> list[ModelAnnouncement]:
        read = [read_announcement(record) for record in batch]
        return [entry for entry in read if entry is not None and entry.name == self._name]

    def _begin(self, history: Sequence[ModelAnnouncement]) -> None:
        champions = [entry for entry in history if entry.stage == "champion"]
        if champions and adopts(champions[-1], self._slot):
            self.act(champions[-1])


def _check(scorer: Scorer, entry: ModelAnnouncement) -> None:
    if scorer.bundle.sha256 != entry.sha256:
        raise BundleError(
            f"{scorer.bundle.path}: manifest.json has sha256 {scorer.bundle.sha256}, announced "
            f"was {entry.sha256}: it was written again since; announce it again",
            "hash",
        )
