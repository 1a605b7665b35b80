"""The play itself: which process starts when, what is waited for, and how all of them end.

Broker, topics, base model, worker, listeners, fine-tune: each is the `segue` command that a person
would type, in a process of its own. What is seen of them is watch.py's, how it looks view.py's.
"""

from __future__ import annotations

import fcntl
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from infra.broker import BrokerError
from infra.connection import Connection
from infra.greeting import require_broker
from infra.reader import reading
from infra.topics import Topics
from models.data.sources import open_source
from streams.settings import load_settings

from . import own_topics
from .base import Base, Choices, ready_base
from .live import Live
from .poison import poisoning
from .processes import Child, Command, Processes, segue
from .scrape import announced, ready
from .snapshot import Snapshot
from .steps import Steps, Stopped, failed
from .watch import Watch

DRAIN_SECONDS = 30.0
STOPPED_SECONDS = 5.0  # the same, where somebody waits for the prompt to come back
LEARN_SECONDS = 30  # of training, at most; with the worker on two cores it needs 20 to 30
MIN_SESSIONS = 200  # of feedback before a fine-tune begins; at the default rate, after some 30 s
EVENTS_A_SESSION = 18
SESSION_RATE = (
    4.0  # events a second of one session: it ends within seconds, and can be learned from
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a person can ask for."""

    data: str
    seconds: float  # of playing; the steps before it are not counted
    rate: float  # events a second
    every: float  # seconds from fine-tune to fine-tune
    bootstrap: str | None = None
    directory: Path = Path(".segue/demo")
    keep: bool = False
    choices: Choices = field(default_factory=Choices)


@dataclass(frozen=True)
class Played:
    """What a demo came to."""

    base: Base
    end: Snapshot
    poison: int  # events that broke the contract on purpose


class Stage:
    """One demo. `began` is when it was asked for, of time.monotonic."""

    def __init__(self, options: Options, steps: Steps, began: float) -> None:
        self.options, self._steps, self._began = options, steps, began
        self._run = options.directory.absolute() / "run"
        self._prefix = f"demo-{uuid.uuid4().hex[:6]}." if options.bootstrap else ""
        self._topics = Topics.named(self._prefix)
        self._base: Base | None = None
        self._watch: Watch | None = None
        self._poison = 0

    def so_far(self) -> Played | None:
        """What is known by now; None before there is a stream."""
        if self._base is None or self._watch is None:
            return None
        return Played(self._base, self._watch.snapshot(), self._poison)

    def play(self) -> None:
        """Play from the first step to the last count; whatever happens, no process is left.

        Raises:
            ValueError: there is no such data.
            StepError: a step failed.
            Stopped: the steps' check said so.
            BrokerError: the broker that was named is not there.
            BlockingIOError: another demo uses the directory.
        """
        open_source(self.options.data)  # reads nothing, and refuses what cannot be
        directory = self.options.directory.absolute()
        with ExitStack() as stack:
            stack.enter_context(_alone(directory))
            shutil.rmtree(self._run, ignore_errors=True)
            if not self.options.keep:
                stack.callback(shutil.rmtree, self._run, ignore_errors=True)
            processes = stack.enter_context(Processes(directory / "logs"))
            broker = self._start_broker(processes)
            base = self._base = ready_base(
                self._steps, processes, directory / "base", self.options.data, self.options.choices
            )
            bootstrap = self._await_broker(broker)
            if self._prefix and not self.options.keep:
                stack.callback(_remove_quietly, bootstrap, self._prefix)
            self._make_topics(processes, bootstrap)
            worker = self._start_worker(processes, bootstrap, base)
            with reading(bootstrap) as consumer:
                name = base.manifest.name
                models = self._run / "models"
                self._watch = Watch(consumer, self._topics, base.markov, models, name)
                crew = [worker] if broker is None else [worker, broker]
                self._stream(processes, bootstrap, base, *crew)

    def _start_broker(self, processes: Processes) -> Child | None:
        kafka = load_settings(kafka={"bootstrap": self.options.bootstrap}).kafka
        if self.options.bootstrap is not None:
            require_broker(kafka.connection)
            return None
        if kafka.security_protocol != "PLAINTEXT":
            raise ValueError(
                f"kafka.security_protocol is {kafka.security_protocol}, and the demo's own broker "
                "is without a lock: give the address of yours with --bootstrap"
            )
        command = segue("kafka", "up", "--port", "0", "--dir", self._run / "kafka")
        return processes.start("kafka", command)

    def _await_broker(self, broker: Child | None) -> Connection:
        if broker is None:
            return load_settings(kafka={"bootstrap": self.options.bootstrap}).kafka.connection
        return Connection(
            self._steps.until(
                "start Kafka", lambda: announced(broker, r"^ready (\S+)$"), broker, seconds=300
            )
        )

    def _make_topics(self, processes: Processes, bootstrap: Connection) -> None:
        command = segue("topics", "create", *self._where(bootstrap))
        self._steps.finish("make the topics", processes.start("topics", command), seconds=60)
        own_topics.date_lists(bootstrap, self._topics)

    def _start_worker(self, processes: Processes, bootstrap: Connection, base: Base) -> Child:
        """Start a worker on a copy of the base in a registry of this run's own."""
        models = self._run / "models"
        bundle = models / base.manifest.name / base.manifest.version
        for folder in (base.bundle, base.bundle.with_name(f"{base.bundle.name}.learner")):
            shutil.copytree(folder, bundle.with_name(bundle.name + folder.suffix))
        command = segue(
            "worker", "--bundle", bundle, "--models", models, "--metrics-port", "0",
            *self._where(bootstrap),
        )  # fmt: skip
        worker = processes.start("worker", command)
        what = "start a worker"
        self._steps.until(what, lambda: ready(worker) or None, worker, seconds=90)
        return worker

    def _stream(
        self, processes: Processes, bootstrap: Connection, base: Base, *crew: Child
    ) -> None:
        """Play the listeners, learn from them, and count until everything is accounted for.

        `crew` are the worker and whoever else must not end before; the first is the worker.
        """
        assert self._watch is not None
        watch, worker = self._watch, crew[0]
        listeners = processes.start("replay", self._replay(bootstrap, base))
        learner = processes.start("finetune", self._finetune(bootstrap, base))
        live = Live(self._steps.console, watch, worker, learner, self._began)

        def begun() -> bool | None:
            watch.look(worker, timeout_ms=50)
            return True if watch.began else None

        try:
            self._steps.until("let listeners play", begun, listeners, *crew, seconds=90)
            with (
                poisoning(bootstrap, self._topics.events) as send_poison,
                live.showing(_label(base), self.options.seconds),
            ):
                while listeners.status is None:
                    self._steps.check()
                    watch.look(worker)
                    live.refresh()
                    self._poison = send_poison(time.monotonic() - watch.began)
                    for child in (*crew, learner):
                        if child.status is not None:
                            raise failed("the stream", child)
            if listeners.status:
                raise failed("the stream", listeners)
        except Stopped:  # what was sent by then is still counted
            processes.stop(listeners, learner)
            self._count(watch, worker, STOPPED_SECONDS)
            raise
        processes.stop(learner)
        self._count(watch, worker, DRAIN_SECONDS)

    def _count(self, watch: Watch, worker: Child, seconds: float) -> None:
        watch.drain(time.monotonic() + seconds)
        watch.ask(worker)
        watch.compare(load_settings(topics={"prefix": self._prefix}))

    def _replay(self, bootstrap: Connection, base: Base) -> Command:
        options = self.options
        concurrent = max(4, round(options.rate / SESSION_RATE))
        return segue(
            "replay", "--data", f"parquet:{base.stream}", "--rate", str(options.rate),
            "--seconds", str(options.seconds), "--concurrent", str(concurrent),
            "--seed", str(options.choices.seed), "--run", "live", *self._where(bootstrap),
        )  # fmt: skip

    def _finetune(self, bootstrap: Connection, base: Base) -> Command:
        return segue(
            "finetune", "--every", f"{self.options.every:g}s", "--models", self._run / "models",
            "--name", base.manifest.name, "--seconds", str(LEARN_SECONDS),
            "--min-sessions", str(self._first_window()),
            *self._where(bootstrap),
        )  # fmt: skip

    def _first_window(self) -> int:
        """Sessions to begin learning with: what about a quarter of the stream brings."""
        sessions = self.options.rate * self.options.seconds / EVENTS_A_SESSION
        return max(MIN_SESSIONS, round(sessions / 4))

    def _where(self, bootstrap: Connection) -> tuple[str, ...]:
        return ("--bootstrap", bootstrap.bootstrap, "--prefix", self._prefix)


def _label(base: Base) -> str:
    kind = "simulated listeners" if base.manifest.training["simulated"] else "real sessions"
    return f"{base.manifest.training['data']} ({kind})"


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Hold the directory; it is let go with the process, however that ends."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _remove_quietly(bootstrap: Connection, prefix: str) -> None:
    with suppress(BrokerError):  # it is gone, and the topics with it or out of reach
        own_topics.remove(bootstrap, prefix)
