"""Announcements on a real broker move a slot; whatever goes wrong, the old model serves on."""

import gc
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from infra.broker import embedded
from infra.topics import Topics, create
from streams.announcements import announce, announcement
from streams.bundle import open_bundle
from streams.events import ModelAnnouncement
from streams.ranking import History, Ranking
from streams.scoring import Scorer, load_scorer
from streams.settings import ScoringSettings
from streams.swap import Follower, ModelSlot
from tests.bundles import counts_files, place, signed

SETTINGS = ScoringSettings(provider="cpu", k=3, buckets=(1, 8))


def load(path: Path) -> Scorer:
    return load_scorer(path, SETTINGS)


def write(root: Path, version: str, parent: str | None = None) -> Path:
    """Put a small bundle of counts where the registry keeps that version."""
    return place(
        signed(counts_files(), name="m", version=version, parent=parent), root / "m" / version
    )


def champion(path: Path, at: str = "2026-11-21T12:00:00Z") -> ModelAnnouncement:
    return announcement(open_bundle(path), "champion", at)


class Outcomes:
    """What the follower reported, and a way to wait for it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self._changed = threading.Condition()

    def __call__(self, outcome: str, entry: ModelAnnouncement, seconds: float) -> None:
        assert seconds >= 0
        with self._changed:
            self.seen.append((outcome, entry.version))
            self._changed.notify_all()

    def wait(self, *expected: tuple[str, str], timeout: float = 20.0) -> None:
        with self._changed:
            self._changed.wait_for(lambda: len(self.seen) >= len(expected), timeout)
            assert self.seen == list(expected)


def wait_for(condition: Callable[[], bool], timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def follower(
    topic: str, slot: ModelSlot, outcomes: Outcomes, bootstrap: str = "127.0.0.1:1", **options
) -> Follower:
    return Follower(
        bootstrap, topic, "m", slot, options.pop("load", load), on_outcome=outcomes, **options
    )


def test_a_bundle_is_loaded_verified_and_swapped_in_while_the_old_one_stays(tmp_path):
    slot, outcomes = ModelSlot(load(write(tmp_path, "v1"))), Outcomes()
    follower("t", slot, outcomes).act(champion(write(tmp_path, "v2")))
    assert slot.current is not None
    assert slot.previous is not None
    assert (slot.current.version, slot.previous.version) == ("v2", "v1")
    assert outcomes.seen == [("swapped", "v2")]


def damaged(path: Path) -> ModelAnnouncement:
    """Announce a bundle, then change one byte of a file it names."""
    entry = champion(path)
    raw = bytearray((path / "counts.parquet").read_bytes())
    raw[len(raw) // 2] ^= 1
    (path / "counts.parquet").write_bytes(raw)
    return entry


def rewritten(path: Path) -> ModelAnnouncement:
    """Announce a bundle, then write another under the same version."""
    entry = champion(path)
    place(signed(counts_files(), name="m", version="v2", metrics={"other": 1.0}), path)
    return entry


def vanished(path: Path) -> ModelAnnouncement:
    entry = champion(path)
    path.rename(path.with_name("elsewhere"))
    return entry


@pytest.mark.parametrize(
    ("break_it", "reason", "said"),
    [
        (damaged, "hash", "counts.parquet has sha256"),
        (rewritten, "hash", "it was written again since"),
        (vanished, "missing", "no bundle at"),
    ],
)
def test_a_bundle_that_does_not_verify_is_refused_and_the_old_one_serves(
    tmp_path, caplog, break_it: Callable[[Path], ModelAnnouncement], reason: str, said: str
):
    slot, outcomes, reasons = ModelSlot(load(write(tmp_path, "v1"))), Outcomes(), list[str]()
    entry = break_it(write(tmp_path, "v2"))
    with caplog.at_level(logging.WARNING):
        follower("t", slot, outcomes, on_refusal=reasons.append).act(entry)
    assert reasons == [reason]
    assert slot.current is not None
    assert slot.current.version == "v1"
    assert slot.current.rank([[("t1", 1)]])[0].items[0][0] == "t3"
    assert outcomes.seen == [("refused", "v2")]
    assert "refused v2, v1 serves on" in caplog.text
    assert said in caplog.text


def test_a_model_that_is_slower_than_the_factor_is_refused_and_the_old_one_serves(tmp_path):
    class Slow:
        """The bundle's own answers, a tenth of a second late."""

        def __init__(self, scorer: Scorer) -> None:
            self._scorer = scorer

        def __getattr__(self, name: str) -> Any:
            return getattr(self._scorer, name)

        def rank(self, histories: Sequence[History]) -> list[Ranking]:
            threading.Event().wait(0.1)
            return self._scorer.rank(histories)

    slot, reasons = ModelSlot(load(write(tmp_path, "v1"))), list[str]()
    follow = follower(
        "t", slot, Outcomes(), load=lambda path: Slow(load(path)), on_refusal=reasons.append
    )
    follow.act(champion(write(tmp_path, "v2")))
    assert reasons == ["slow"]
    assert slot.current is not None
    assert slot.current.version == "v1"


def test_an_error_nobody_foresaw_refuses_the_bundle_too(tmp_path, caplog):
    def explode(_path: Path) -> Scorer:
        raise MemoryError("no room for a second model")

    slot, outcomes, reasons = ModelSlot(load(write(tmp_path, "v1"))), Outcomes(), list[str]()
    follow = follower("t", slot, outcomes, load=explode, on_refusal=reasons.append)
    follow.act(champion(write(tmp_path, "v2")))
    assert reasons == ["internal"]
    assert outcomes.seen == [("refused", "v2")]
    assert "no room for a second model" in caplog.text


def test_a_loaded_version_is_not_loaded_again(tmp_path):
    loads: list[str] = []

    def counting(path: Path) -> Scorer:
        loads.append(path.name)
        return load(path)

    slot, outcomes = ModelSlot(), Outcomes()
    follow = follower("t", slot, outcomes, load=counting)
    first, second = champion(write(tmp_path, "v1")), champion(write(tmp_path, "v2", "v1"))
    for entry in (first, first, second, first, second):
        follow.act(entry)
    assert loads == ["v1", "v2"]
    assert [outcome for outcome, _ in outcomes.seen] == [
        "swapped",
        "already",
        "swapped",
        "swapped",
        "swapped",
    ]


@pytest.mark.broker
def test_announcements_move_the_slot_in_order(broker, topics, tmp_path):
    v1, v2, v3 = (write(tmp_path, version) for version in ("v1", "v2", "v3"))
    slot, outcomes = ModelSlot(load(v1)), Outcomes()
    follow = follower(topics.models, slot, outcomes, broker)
    follow.start()
    try:
        assert follow.catch_up(20)
        announce(broker, topics.models, [champion(v2)])
        outcomes.wait(("swapped", "v2"))
        announce(broker, topics.models, [damaged(v3)])
        outcomes.wait(("swapped", "v2"), ("refused", "v3"))
        assert slot.current is not None
        assert slot.current.version == "v2"
        bad = announcement(slot.current.bundle, "rolled_back", "2026-11-21T13:00:00Z")
        announce(broker, topics.models, [bad, champion(v1)])
        outcomes.wait(
            ("swapped", "v2"), ("refused", "v3"), ("rolled_back", "v2"), ("already", "v1")
        )
        assert slot.current.version == "v1"
        assert slot.previous is None
    finally:
        follow.stop()


@pytest.mark.broker
def test_a_worker_restarted_on_an_older_bundle_ends_up_on_the_champion(broker, topics, tmp_path):
    old, new = write(tmp_path, "v1"), write(tmp_path, "v2")
    unreadable_and_foreign = [
        champion(old),
        ModelAnnouncement(
            name="other",
            version="v9",
            uri="/nowhere",
            sha256="",
            parent=None,
            stage="champion",
            metrics={},
            announced_at="2026-11-21T12:00:00Z",
        ),
        champion(new),
    ]
    announce(broker, topics.models, unreadable_and_foreign)
    slot, outcomes = ModelSlot(load(old)), Outcomes()
    follow = follower(topics.models, slot, outcomes, broker)
    follow.start()
    try:
        assert follow.catch_up(20)
        assert slot.current is not None
        assert slot.current.version == "v2"
        assert outcomes.seen == [("swapped", "v2")]
    finally:
        follow.stop()


def test_a_broker_that_is_away_leaves_the_model_and_the_caller_in_peace(tmp_path, caplog):
    slot, outcomes = ModelSlot(load(write(tmp_path, "v1"))), Outcomes()
    follow = follower("t", slot, outcomes, retry_seconds=0.05)
    with caplog.at_level(logging.WARNING, logger="streams.swap"):
        follow.start()
        wait_for(lambda: bool(caplog.records))
        assert not follow.catch_up(0.3)
        follow.stop()
    assert len(caplog.records) == 1  # one line for an outage, however many tries
    assert "start one with `segue kafka up`" in caplog.text
    assert slot.current is not None
    assert slot.current.version == "v1"


@pytest.mark.broker
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # kafka-python's, when refused
def test_a_broker_that_was_killed_and_came_back_is_followed_again(tmp_path, caplog):
    """Needs a broker of its own: the one that tests share must not be killed."""
    caplog.set_level(logging.CRITICAL, logger="kafka")  # its records would keep sockets alive
    slot, outcomes = ModelSlot(load(write(tmp_path, "v1"))), Outcomes()
    with embedded() as own:
        topic = Topics.named().models
        create(own.bootstrap, Topics.named(), 1, 1)
        follow = follower(topic, slot, outcomes, own.bootstrap)
        follow.start()
        try:
            assert follow.catch_up(20)
            own.kill()
            caplog.set_level(logging.WARNING, logger="streams.swap")
            wait_for(lambda: "announcements cannot be read" in caplog.text)
            own.start()
            announce(own.bootstrap, topic, [champion(write(tmp_path, "v2"))])
            outcomes.wait(("swapped", "v2"))
        finally:
            follow.stop()
    gc.collect()  # its sockets must be found while this test forgives them
