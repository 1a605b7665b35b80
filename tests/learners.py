"""A small model line for tests of the learning loop: simulated listeners, an under-trained base."""

import functools
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from kafka import KafkaProducer

from export.write import write_bundle
from infra.topics import Topics
from models.checkpoint import learner_directory, save_learner
from models.data.sources import open_source
from models.encoders.sasrec import SASRecConfig
from models.finetuning.finetune import FinetuneConfig, FineTuner, Result
from models.finetuning.trial import TrialConfig
from models.losses.loss import LossConfig
from models.registry import Registry
from models.sessions import Sessions
from models.training.schedule import Schedule
from models.training.train import train
from streams.announcements import latest
from streams.catalog import Catalog
from streams.events import Feedback, ModelAnnouncement, encode

NAME, BASE = "tiny", "base"
SIZES = {"length": 10, "width": 16, "blocks": 1, "heads": 2, "expansion": 2, "dropout": 0.1}
LOSS = LossConfig(name="skip-contrastive")
MADE_AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
TRIAL = TrialConfig(schedule=Schedule(learning_rate=1e-2), steps=80)


@functools.cache
def listeners() -> dict[str, Sessions]:
    """Simulated sessions in order of time: what the base learns, the anchor, and what streams."""
    everything = open_source("simulated:seed=1,sessions=1200,tracks=150").load()
    ends = {"base": 300, "anchor": 420, "stream": 820, "later": 1200}
    starts = [0, *ends.values()]
    return {
        part: everything.select(np.arange(start, end))
        for (part, end), start in zip(ends.items(), starts, strict=False)
    }


@functools.cache
def _base_folder() -> Path:
    """Train and export the base once a process; three epochs leave much to learn."""
    parts = listeners()
    known = parts["base"].compacted()
    config = SASRecConfig(items=known.n_items, **SIZES)  # type: ignore[arg-type]
    schedule = Schedule(epochs=3)
    valid = parts["anchor"].reindexed(known.track_ids)
    model = train(known, valid, config, LOSS, schedule, seed=0).model
    folder = Path(tempfile.mkdtemp(prefix="segue-test-base-"))
    out = folder / BASE
    save_learner(
        learner_directory(out),
        model,
        known.track_ids,
        loss=LOSS,
        replay=parts["base"],
        anchor=parts["anchor"],
        training={},
    )
    write_bundle(
        out,
        name=NAME,
        version=BASE,
        architecture="sasrec",
        config=asdict(config),
        catalog=Catalog(known.track_ids, tuple(known.counts()[1:].tolist())),
        model=model,
        metrics={},
        training={},
        clock=lambda: MADE_AT,
    )
    return folder


def place_base(root: Path) -> Path:
    """Put the base into a registry, its learner beside it; gives the bundle's folder."""
    shutil.copytree(_base_folder(), root / NAME)
    return root / NAME / BASE


def feedback_of(sessions: Sessions, begin: datetime = MADE_AT) -> list[Feedback]:
    """Say what a worker would of these sessions, one after the other, a second a track."""
    records = []
    for number in range(len(sessions)):
        session_id = sessions.session_ids[number]
        for position, (track_id, outcome) in enumerate(sessions.occurrences(number)):
            moment = begin + timedelta(minutes=number, seconds=position)
            records.append(
                Feedback(
                    event_id=f"{session_id}-{position}",
                    session_id=session_id,
                    position=position,
                    track_id=track_id,
                    outcome=outcome,
                    rank=None,
                    recommendation_id=None,
                    model_version=None,
                    propensity=None,
                    occurred_at=moment.isoformat(),
                )
            )
    return records


def send(bootstrap: str, topic: str, records: Iterable[Feedback | bytes]) -> None:
    """Write feedback records, or raw bytes, as a worker does: keyed by session."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=20)
    try:
        for record in records:
            if isinstance(record, bytes):
                producer.send(topic, record, key=b"somebody")
            else:
                producer.send(topic, encode(record), key=record.session_id.encode())
        producer.flush(timeout=30)
    finally:
        producer.close(timeout=5)


class Job:
    """A fine-tune of the small base, on topics of its own."""

    def __init__(self, broker: str, topics: Topics, root: Path) -> None:
        self.config = FinetuneConfig(
            bootstrap=broker,
            topics=topics,
            root=root,
            min_sessions=100,
            held_out=0.25,
            trial=TRIAL,
        )
        self.broker, self.topics, self.registry = broker, topics, Registry(root)
        self.base = place_base(root)
        self.said: list[str] = []
        self.now = MADE_AT + timedelta(hours=2)

    def run(self, **changes: Any) -> Result:
        self.now += timedelta(minutes=1)
        config = replace(self.config, **changes)
        return FineTuner(config, say=self.said.append, clock=lambda: self.now).run_once()

    def send(self, records: Any) -> None:
        send(self.broker, self.topics.feedback, records)

    @property
    def announced(self) -> dict[str, ModelAnnouncement]:
        return latest(self.broker, self.topics.models)

    @property
    def versions(self) -> list[str]:
        return [entry.version for entry in self.registry.versions(NAME)]
