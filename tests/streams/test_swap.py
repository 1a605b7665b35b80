"""Announcements on a real broker move a slot; whatever goes wrong, the old model serves on."""

import gc
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from infra.broker import BrokerError, embedded
from streams.announcements import announce, announcement, bundle_path, latest
from streams.bundle import BundleError, open_bundle
from streams.events import ModelAnnouncement
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
    ("break_it", "reason"),
    [
        (damaged, "counts.parquet has sha256"),
        (rewritten, "it was written again since"),
        (vanished, "no bundle at"),
    ],
)
def test_a_bundle_that_does_not_verify_is_refused_and_the_old_one_serves(
    tmp_path, caplog, break_it: Callable[[Path], ModelAnnouncement], reason: str
):
    slot, outcomes = ModelSlot(load(write(tmp_path, "v1"))), Outcomes()
    entry = break_it(write(tmp_path, "v2"))
    with caplog.at_level(logging.WARNING):
        follower("t", slot, outcomes).act(entry)
    assert slot.current is not None
    assert slot.current.version == "v1"
    assert slot.current.rank([[("t1", 1)]])[0].items[0][0] == "t3"
    assert outcomes.seen == [("refused", "v2")]
    assert "refused v2, v1 serves on" in caplog.text
    assert reason in caplog.text


def test_an_error_nobody_foresaw_refuses_the_bundle_too(tmp_path, caplog):
    def explode(_path: Path) -> Scorer:
        raise MemoryError("no room for a second model")

    slot, outcomes = ModelSlot(load(write(tmp_path, "v1"))), Outcomes()
    follower("t", slot, outcomes, load=explode).act(champion(write(tmp_path, "v2")))
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


def test_a_bundle_is_found_under_the_root_where_its_announced_folder_is_not_mounted(tmp_path):
    path = write(tmp_path / "here", "v1")
    entry = champion(path)
    moved = path.parent.parent.rename(tmp_path / "there")
    assert bundle_path(entry, moved) == moved / "m" / "v1"


@pytest.mark.parametrize("uri", ["s3://bucket/m/v1", "file://elsewhere/m/v1", "/no/such/folder"])
def test_a_uri_that_names_no_folder_here_is_refused(tmp_path, uri):
    entry = champion(write(tmp_path, "v1"))
    fields = {name: getattr(entry, name) for name in entry.__struct_fields__} | {"uri": uri}
    with pytest.raises(BundleError):
        bundle_path(ModelAnnouncement(**fields))


def make_topic(bootstrap: str) -> str:
    """Make a topic of one partition, so that every announcement has its place in one order."""
    name = f"models-{uuid4().hex[:8]}"
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    finally:
        admin.close()
    return name


@pytest.fixture
def topic(broker) -> str:
    return make_topic(broker)


@pytest.mark.broker
def test_announcements_move_the_slot_in_order(broker, topic, tmp_path):
    v1, v2, v3 = (write(tmp_path, version) for version in ("v1", "v2", "v3"))
    slot, outcomes = ModelSlot(load(v1)), Outcomes()
    follow = follower(topic, slot, outcomes, broker)
    follow.start()
    try:
        assert follow.catch_up(20)
        announce(broker, topic, [champion(v2)])
        outcomes.wait(("swapped", "v2"))
        announce(broker, topic, [damaged(v3)])
        outcomes.wait(("swapped", "v2"), ("refused", "v3"))
        assert slot.current is not None
        assert slot.current.version == "v2"
        bad = announcement(slot.current.bundle, "rolled_back", "2026-11-21T13:00:00Z")
        announce(broker, topic, [bad, champion(v1)])
        outcomes.wait(
            ("swapped", "v2"), ("refused", "v3"), ("rolled_back", "v2"), ("already", "v1")
        )
        assert slot.current.version == "v1"
        assert slot.previous is None
    finally:
        follow.stop()


@pytest.mark.broker
def test_a_worker_restarted_on_an_older_bundle_ends_up_on_the_champion(broker, topic, tmp_path):
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
    announce(broker, topic, unreadable_and_foreign)
    slot, outcomes = ModelSlot(load(old)), Outcomes()
    follow = follower(topic, slot, outcomes, broker)
    follow.start()
    try:
        assert follow.catch_up(20)
        assert slot.current is not None
        assert slot.current.version == "v2"
        assert outcomes.seen == [("swapped", "v2")]
    finally:
        follow.stop()


@pytest.mark.broker
def test_the_last_announcement_of_each_name_is_read_and_rubbish_is_passed_over(
    broker, topic, tmp_path
):
    announce(broker, topic, [champion(write(tmp_path, "v1"))])
    producer = KafkaProducer(bootstrap_servers=broker)
    producer.send(topic, key=b"m", value=b"{not json").get(10)
    producer.send(topic, key=b"gone", value=None).get(10)
    producer.close()
    assert [entry.version for entry in latest(broker, topic).values()] == ["v1"]
    last = champion(write(tmp_path, "v2"))
    announce(broker, topic, [last])
    assert latest(broker, topic) == {"m": last}


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
        topic = make_topic(own.bootstrap)
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


def test_announcing_without_a_broker_says_so(tmp_path):
    with pytest.raises(BrokerError, match="no broker answers"):
        announce("127.0.0.1:1", "t", [champion(write(tmp_path, "v1"))])


def test_only_finite_numbers_are_announced(tmp_path):
    metrics = {"mrr@20": 0.25, "loss": float("nan"), "note": "text", "nested": {"a": 1}}
    path = place(signed(counts_files(), metrics=metrics), tmp_path / "b")
    bundle = open_bundle(path)
    at = datetime(2026, 11, 21, tzinfo=UTC).isoformat()
    assert announcement(bundle, "champion", at).metrics == {"mrr@20": 0.25}
