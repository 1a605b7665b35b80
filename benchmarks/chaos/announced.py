"""One damaged bundle of each kind, announced to a real worker while it answers events."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from infra.broker import BrokerError
from streams.announcements import announce

from ..load import Sender, events
from .damage import Damage
from .models import Trial, announced_sha256, announcement_of, place
from .subject import Subject, staged

RATE = 100.0  # events a second
BURST = 100  # events between two looks at whether to stop
NOTICED_SECONDS = 60.0


class Listeners(threading.Thread):
    """Plays without end, from a thread of its own."""

    def __init__(self, stage: Subject, tracks: Sequence[str]) -> None:
        super().__init__(name="listeners", daemon=True)
        self._stage, self._tracks = stage, tracks
        self._stopping = threading.Event()
        self.sent, self.error = 0, ""

    def run(self) -> None:
        """Send, until told to stop."""
        try:
            with Sender(self._stage.bootstrap) as sender:
                for burst in count():
                    if self._stopping.is_set():
                        return
                    load = events(self._tracks, BURST, f"listeners-{burst}")
                    self.sent += len(sender.send(self._stage.topics.events, load, RATE))
        except Exception as err:  # told by `stop`, in the thread that asks
            self.error = repr(err)

    def stop(self) -> None:
        """End it.

        Raises:
            BrokerError: the broker did not take an event.
        """
        self._stopping.set()
        self.join(60)
        if self.error:
            raise BrokerError(f"the load ended: {self.error}")


def announce_each(
    trial: Trial,
    kinds: Sequence[Damage],
    folder: Path,
    bootstrap: str | None,
    progress: Callable[[str, int, int], None],
) -> dict[str, Any]:
    """Announce each; give the reasons counted, and the audit of what was answered meanwhile."""
    sound = trial.scorer
    with staged(trial.sound, "chaos-models.", folder, bootstrap) as stage:
        listeners = Listeners(stage, sound.bundle.catalog.track_ids)
        listeners.start()
        _wait(stage, lambda: stage.counted("segue_events_total", "outcome").get("answered", 0) > 0)
        reasons: dict[str, str] = {}
        for number, damage in enumerate(kinds):
            progress("announced to a worker", number, len(kinds))
            path = place(damage.files, trial.files, trial.sound, folder / f"bundle-{number}")
            entry = announcement_of(
                sound.name, f"damaged-{number}", path, announced_sha256(damage, sound.bundle.sha256)
            )
            before = Counter(stage.counted("segue_refusals_total", "reason"))
            taken = stage.counted("segue_swaps_total", "outcome").get("swapped", 0)
            announce(stage.bootstrap, stage.topics.models, [entry])
            _wait(stage, lambda before=before, taken=taken: _acted(stage, before, taken))  # type: ignore[misc]
            counted = Counter(stage.counted("segue_refusals_total", "reason")) - before
            reasons[damage.kind] = ", ".join(counted) or "served"
        answered = stage.counted("segue_events_total", "outcome")["answered"]
        _wait(stage, lambda: stage.counted("segue_events_total", "outcome")["answered"] > answered)
        listeners.stop()
        found = stage.audited()
        serving = sorted(stage.counted("segue_model_info", "version"))
        swaps = stage.counted("segue_swaps_total", "outcome")
    return {
        "served": int(swaps.get("swapped", 0)),
        "refused": reasons,
        "serves_on": serving == [sound.version],
        "sent": listeners.sent,
        "kept": found.kept,
        **{
            name: value
            for name, value in found.record().items()
            if name in ("events", "answered", "dead_lettered", "missing", "repeats", "conflicting")
            or name == "state_equal"
        },
    }


def _acted(stage: Subject, before: Counter[str], taken: float) -> bool:
    refusals = Counter(stage.counted("segue_refusals_total", "reason"))
    return (
        refusals.total() > before.total()
        or stage.counted("segue_swaps_total", "outcome").get("swapped", 0) > taken
    )


def _wait(stage: Subject, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + NOTICED_SECONDS
    while not condition():
        stage.require_alive()
        if time.monotonic() > deadline:
            raise BrokerError(
                f"the worker did nothing for {NOTICED_SECONDS:g} s; its last lines:\n"
                f"{stage.worker.tail(30)}"
            )
        time.sleep(0.05)
