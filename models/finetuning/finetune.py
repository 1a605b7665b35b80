"""The fine-tune job: champion and feedback in, a candidate through the gate, an announcement out.

The only file of this room that reads Kafka. A fine-tune that dies is repeated, because only a
written successor moves on in the feedback topic (champion.py); a refused window is read again with
what came since.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any, Literal

import msgspec
import numpy as np

from infra.broker import BrokerError
from infra.connection import Address
from infra.reader import read_to_end
from infra.topics import Topics
from streams.announcements import announce, announcement, latest
from streams.bundle import BundleError

from ..registry import Registry
from ..sessions import Sessions
from .champion import Champion, Place, find_champion, open_champion, write_successor
from .feedback_window import Visit, sessions_of, window_of
from .gate import GateRules, Numbers, Verdict, judge
from .replay import mixed
from .trial import Contender, TrialConfig, candidate, compare

logger = logging.getLogger(__name__)

_LOOK_AGAIN = 5.0  # seconds


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig:
    """Where a fine-tune reads and writes, and how much it takes at once."""

    bootstrap: Address
    topics: Topics
    root: Path  # of the registry
    name: str | None = None  # of the model line; None: the only one there is
    bundle: Path | None = None  # what to start from while no champion is announced
    seed: int = 0
    min_sessions: int = 300  # in the window; with fewer it waits for more
    max_sessions: int = 5000  # in the window; of more the newest
    max_records: int = 200_000  # read from the topic; of more the newest
    # Share of the window that the gate judges by: with 100 held-out MSSD sessions it accepts a gain
    # of 1.6 % nine times in ten, and a loss of 1.1 % never in a hundred (docs/learning.md).
    held_out: float = 1 / 3
    replay_sessions: int = 20_000  # kept for later at most
    anchor_sessions: int = 300  # asked; on 250 of MSSD a difference has a standard error of .6 %
    keep: int = 20  # fine-tuned versions that stay in the registry
    trial: TrialConfig = field(default_factory=TrialConfig)
    rules: GateRules = field(default_factory=GateRules)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What one fine-tune came to; the registry's log keeps it."""

    verdict: Literal["accepted", "refused", "nothing_to_do"]
    name: str
    parent: str  # the champion it started from
    version: str | None = None  # the new champion
    reasons: list[str] = []
    numbers: Numbers = {}
    window: dict[str, int] = {}
    training: dict[str, Any] = {}
    seconds: float = 0.0


class FineTuner:
    """Fine-tunes one model line, again and again; `say` tells a person where it stands."""

    def __init__(
        self,
        config: FinetuneConfig,
        *,
        say: Callable[[str], None] = lambda line: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.config, self._say, self._clock = config, say, clock
        self.registry = Registry(config.root)
        self._told = ""

    def run_once(self) -> Result:
        """Read the window, train, judge; announce what the gate accepts.

        Raises:
            BrokerError: there is no broker, or a topic is missing.
            BundleError: there is no champion, it cannot learn, or another job holds the name.
        """
        config, began = self.config, time.monotonic()
        announced = latest(config.bootstrap, config.topics.models)
        name, path = find_champion(self.registry, announced, config.name, config.bundle)
        with self.registry.sole_writer(name):
            champion = open_champion(self.registry, name, path, config.topics.feedback)
            result = self._fine_tune(champion)
            result = msgspec.structs.replace(result, seconds=round(time.monotonic() - began, 2))
            if result.verdict != "nothing_to_do":
                self._log(result)
        return result

    def run_every(self, seconds: float, stop: Event, told: Callable[[Result | None], None]) -> None:
        """Fine-tune again and again, the beginnings `seconds` apart, until `stop` is set.

        While there is too little feedback it looks again soon. What stands in the way (no broker
        for a while, no champion yet, a full disk) is logged, and `told` gets None.
        """
        while not stop.is_set():
            began, pause = time.monotonic(), seconds
            try:
                result = self.run_once()
                told(result)
                if result.verdict == "nothing_to_do":
                    pause = min(seconds, _LOOK_AGAIN)
            except (BrokerError, BundleError, OSError) as err:
                logger.warning("no fine-tune: %s", err)
                told(None)
            stop.wait(max(0.0, began + pause - time.monotonic()))

    def _fine_tune(self, champion: Champion) -> Result:
        config, manifest = self.config, champion.bundle.manifest
        read = read_to_end(
            config.bootstrap, champion.place.topic, champion.place.offsets, config.max_records
        )
        values = [record.value for record in read.records]
        try:
            window = window_of(values, champion.held_out, config.max_sessions)
        except msgspec.DecodeError as err:  # of ours alone: the topic's are counted
            raise BundleError(
                f"what {manifest.version} held out cannot be read: {err}; roll back, or remove "
                "held_out.jsonl and feedback.json from its learner folder"
            ) from err
        learn, held_out = window.split(config.held_out)
        sizes = {"records": len(values), **window.sizes(), "held_out": len(held_out)}
        result = Result(
            verdict="refused", name=manifest.name, parent=manifest.version, window=sizes
        )
        told = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in sizes.items())
        if waiting := len(window.visits) < config.min_sessions:
            told = f"{len(window.visits)} sessions of feedback, waiting for {config.min_sessions}"
        if told != self._told:  # it looks every few seconds
            self._say(f"{manifest.name} {manifest.version}: {told}")
        self._told = told
        if waiting:
            return msgspec.structs.replace(result, verdict="nothing_to_do", reasons=[told])

        verdict, made, training = self._try(champion, learn, held_out)
        if made is not None:
            sizes["new_tracks"] = len(made.track_ids) - len(champion.learner.track_ids)
        result = msgspec.structs.replace(
            result, reasons=verdict.reasons, numbers=verdict.numbers, training=training
        )
        if not verdict.accepted or made is None:
            return result
        try:
            place = Place(champion.place.topic, read.offsets)
            version = self._publish(champion, made, learn, held_out, place, result)
        except BundleError as err:  # parity, or weights that no bundle may have
            return msgspec.structs.replace(result, reasons=[str(err)])
        return msgspec.structs.replace(result, verdict="accepted", version=version)

    def _try(
        self, champion: Champion, learn: list[Visit], held_out: list[Visit]
    ) -> tuple[Verdict, Contender | None, dict[str, Any]]:
        """Train and judge; a training that fails is a refusal like any other."""
        config = self.config
        try:
            made, trained = candidate(
                champion.contender,
                sessions_of(learn),
                champion.learner.replay,
                config.trial,
                seed=config.seed,
            )
        except (FloatingPointError, ValueError) as err:
            return Verdict(False, [f"training failed: {err}"]), None, {}
        self._say(f"trained in {trained.seconds:.1f} s, loss {trained.losses[-1]:.4f}; judging")
        window = compare(champion.contender, made, sessions_of(held_out))
        anchor = compare(champion.contender, made, self._anchor(champion))
        verdict = judge(window, anchor, config.rules, np.random.default_rng(config.seed))
        training = {"losses": trained.losses, "seconds": round(trained.seconds, 2)}
        return verdict, made, training

    def _anchor(self, champion: Champion) -> Sessions:
        """The anchor sessions that are asked: enough of them, since both models answer each."""
        anchor = champion.learner.anchor
        return anchor.select(np.arange(min(len(anchor), self.config.anchor_sessions)))

    def _publish(
        self,
        champion: Champion,
        made: Contender,
        learn: list[Visit],
        held_out: list[Visit],
        place: Place,
        result: Result,
    ) -> str:
        """Write the successor and tell the workers; gives its version."""
        config, name = self.config, result.name
        now = self._clock()
        version = self.registry.new_version(name, now)
        self._say(f"accepted; exporting {version}")
        rng = np.random.default_rng(config.seed)
        bundle = write_successor(
            champion,
            self.registry.path(name, version),
            made,
            loss=config.trial.loss,
            replay=mixed(champion.learner.replay, sessions_of(learn), config.replay_sessions, rng),
            held_out=held_out,
            place=place,
            metrics=result.numbers,
            training={
                "data": place.topic,
                "sessions": len(learn),
                "from": learn[0].records[0].occurred_at,
                "to": learn[-1].records[-1].occurred_at,
                "seed": config.seed,
                **result.training,
            },
            now=now,
        )
        try:
            entry = announcement(bundle, "champion", self._clock().isoformat())
            announce(config.bootstrap, config.topics.models, [entry])
        except BrokerError:
            logger.warning(
                "%s %s is in the registry and nobody was told: `segue models promote %s %s` does",
                name, version, name, version,
            )  # fmt: skip
            raise
        self.registry.prune(name, config.keep, {version, result.parent})
        return version

    def _log(self, result: Result) -> None:
        record = {"at": self._clock().isoformat(), "event": "finetune"}
        self.registry.log(result.name, record | msgspec.to_builtins(result))
        logger.info(
            "%s: fine-tune of %s %s: %s %s",
            result.name, result.parent, result.verdict, "; ".join(result.reasons), result.numbers,
        )  # fmt: skip
