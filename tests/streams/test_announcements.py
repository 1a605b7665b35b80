"""The models topic: what is announced, where the bundle is found, which record counts."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from kafka import KafkaProducer

from infra.broker import BrokerError
from streams.announcements import announce, announcement, bundle_path, latest
from streams.bundle import BundleError, open_bundle
from streams.events import ModelAnnouncement
from tests.bundles import counts_files, place, signed


def write(root: Path, version: str) -> Path:
    return place(signed(counts_files(), name="m", version=version), root / "m" / version)


def champion(path: Path) -> ModelAnnouncement:
    return announcement(open_bundle(path), "champion", "2026-11-21T12:00:00Z")


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


@pytest.mark.broker
def test_the_last_announcement_of_each_name_is_read_and_rubbish_is_passed_over(
    broker, topics, tmp_path
):
    announce(broker, topics.models, [champion(write(tmp_path, "v1"))])
    producer = KafkaProducer(bootstrap_servers=broker)
    producer.send(topics.models, key=b"m", value=b"{not json").get(10)
    producer.send(topics.models, key=b"gone", value=None).get(10)
    producer.close()
    assert [entry.version for entry in latest(broker, topics.models).values()] == ["v1"]
    last = champion(write(tmp_path, "v2"))
    announce(broker, topics.models, [last])
    assert latest(broker, topics.models) == {"m": last}


def test_announcing_without_a_broker_says_so(tmp_path):
    with pytest.raises(BrokerError, match="no broker answers"):
        announce("127.0.0.1:1", "t", [champion(write(tmp_path, "v1"))])


def test_only_finite_numbers_are_announced(tmp_path):
    metrics = {"mrr@20": 0.25, "loss": float("nan"), "note": "text", "nested": {"a": 1}}
    path = place(signed(counts_files(), metrics=metrics), tmp_path / "b")
    bundle = open_bundle(path)
    at = datetime(2026, 11, 21, tzinfo=UTC).isoformat()
    assert announcement(bundle, "champion", at).metrics == {"mrr@20": 0.25}
