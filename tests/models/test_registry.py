"""The registry: versions in order, verdicts kept, promotion and roll-back told to workers."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from infra.reader import read_to_end
from models.registry import Registry, promote, rollback
from streams.bundle import Bundle, BundleError
from streams.scoring import load_scorer
from streams.settings import ScoringSettings
from tests.bundles import counts_files, place, signed

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def verify(path: Path) -> Bundle:
    return load_scorer(path, ScoringSettings(provider="cpu", k=3, buckets=(1,))).bundle


def write(root: Path, version: str, minute: int = 0, **fields: Any) -> Path:
    created = f"2026-11-21T10:{minute:02d}:00Z"
    files = signed(
        counts_files(), **{"name": "m", "version": version, **fields}, created_at=created
    )
    return place(files, root / "m" / version)


def test_versions_come_in_the_order_they_were_made(tmp_path):
    for version, minute in (("b", 1), ("c", 0), ("a", 2)):
        write(tmp_path, version, minute)
    registry = Registry(tmp_path)
    assert [entry.version for entry in registry.versions("m")] == ["c", "b", "a"]
    newest = registry.newest("m")
    assert newest is not None
    assert newest.version == "a"
    assert registry.names() == ["m"]


def test_learner_folders_work_folders_and_strays_are_no_versions(tmp_path):
    write(tmp_path, "v1")
    for folder in ("v1.learner", ".v2.unfinished", "notes"):
        (tmp_path / "m" / folder).mkdir()
    (tmp_path / "m" / ".v2.unfinished" / "manifest.json").write_text("{}")
    (entry,) = Registry(tmp_path).versions("m")
    assert (entry.version, entry.learner) == ("v1", True)


def test_a_damaged_manifest_is_listed_with_its_reason_and_never_the_newest(tmp_path):
    write(tmp_path, "good")
    (write(tmp_path, "bad", 1) / "manifest.json").write_bytes(b"{")
    registry = Registry(tmp_path)
    bad, good = registry.versions("m")
    assert (good.version, good.error) == ("good", None)
    assert bad.manifest is None
    assert "manifest.json" in str(bad.error)
    assert registry.newest("m") == good


def test_a_root_that_is_not_there_is_an_empty_registry(tmp_path):
    registry = Registry(tmp_path / "none")
    assert (registry.names(), registry.versions("m"), registry.newest("m")) == ([], [], None)
    assert registry.verdicts("m") == []


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc", "-x"])
def test_a_name_that_could_leave_the_root_is_misuse(tmp_path, name):
    with pytest.raises(ValueError, match="expected 1 to 64"):
        Registry(tmp_path).path(name, "v1")
    with pytest.raises(ValueError, match="expected 1 to 64"):
        Registry(tmp_path).path("m", name)


def test_a_version_made_in_the_same_second_gets_another_name(tmp_path):
    registry = Registry(tmp_path)
    first = registry.new_version("m", NOW)
    write(tmp_path, first)
    second = registry.new_version("m", NOW)
    assert (first, second) == ("20261121-120000", "20261121-120000-2")


def test_old_fine_tuned_versions_go_but_what_a_person_made_and_the_spared_stay(tmp_path):
    write(tmp_path, "base", 0)
    for minute in range(1, 5):
        write(tmp_path, f"v{minute}", minute, parent="base")
        (tmp_path / "m" / f"v{minute}.learner").mkdir()
    registry = Registry(tmp_path)
    assert registry.prune("m", 1, {"v2"}) == ["v1", "v3"]
    assert [entry.version for entry in registry.versions("m")] == ["base", "v2", "v4"]
    assert not (tmp_path / "m" / "v1.learner").exists()
    assert registry.prune("m", 1, {"v2"}) == []


def test_verdicts_are_kept_in_order_and_a_line_cut_by_a_crash_is_passed_over(tmp_path):
    registry = Registry(tmp_path)
    registry.log("m", {"event": "finetune", "accepted": False, "numbers": {"a": 0.5, "b": None}})
    with (tmp_path / "m" / "verdicts.jsonl").open("a") as log:
        log.write('{"event": "fine\n')
    registry.log("m", {"event": "promoted"})
    assert registry.verdicts("m") == [
        {"event": "finetune", "accepted": False, "numbers": {"a": 0.5, "b": None}},
        {"event": "promoted"},
    ]


def test_a_verdict_after_a_cut_line_is_not_lost_with_it(tmp_path):
    registry = Registry(tmp_path)
    registry.log("m", {"verdict": "refused"})
    file = tmp_path / "m" / "verdicts.jsonl"
    file.write_bytes(file.read_bytes() + b'{"verdict": "acc')
    registry.log("m", {"verdict": "accepted"})
    assert [record["verdict"] for record in registry.verdicts("m")] == ["refused", "accepted"]


def test_one_fine_tune_at_a_time_holds_a_name(tmp_path):
    registry = Registry(tmp_path)
    with registry.sole_writer("m"):
        with registry.sole_writer("other"):
            pass
        with (
            pytest.raises(BundleError, match="in use by another fine-tune"),
            registry.sole_writer("m"),
        ):
            pass
    with registry.sole_writer("m"):
        pass


@pytest.fixture
def line(broker, tmp_path) -> Callable[[], list[tuple[str, str]]]:
    """A topic of announcements; calling it gives (stage, version) of everything on it."""
    from kafka import KafkaAdminClient
    from kafka.admin import NewTopic

    topic = f"models-{uuid4().hex[:8]}"
    admin = KafkaAdminClient(bootstrap_servers=broker)
    try:
        admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    finally:
        admin.close()

    def told() -> list[tuple[str, str]]:
        values = [r.value or b"" for r in read_to_end(broker, topic).records]
        return [(v["stage"], v["version"]) for v in map(json.loads, values)]

    told.where = {"bootstrap": broker, "topic": topic}  # type: ignore[attr-defined]
    return told


@pytest.mark.broker
def test_a_promotion_verifies_and_then_tells(line: Any, tmp_path):
    write(tmp_path, "v1")
    (write(tmp_path, "v2") / "catalog.parquet").write_bytes(b"rubbish")
    registry = Registry(tmp_path)
    promote(registry, "m", "v1", **line.where, verify=verify, now=NOW)
    with pytest.raises(BundleError, match=r"catalog\.parquet"):
        promote(registry, "m", "v2", **line.where, verify=verify, now=NOW)
    with pytest.raises(BundleError):
        promote(registry, "m", "v3", **line.where, verify=verify, now=NOW)
    assert line() == [("champion", "v1")]
    assert [entry["event"] for entry in registry.verdicts("m")] == ["promoted"]


@pytest.mark.broker
def test_a_bundle_in_another_version_s_folder_is_not_promoted(line: Any, tmp_path):
    write(tmp_path, "v1").rename(tmp_path / "m" / "v2")
    with pytest.raises(BundleError, match="holds m v1, expected m v2"):
        promote(Registry(tmp_path), "m", "v2", **line.where, verify=verify, now=NOW)
    assert line() == []


@pytest.mark.broker
def test_a_rollback_withdraws_first_and_ends_with_a_champion(line: Any, tmp_path):
    write(tmp_path, "v1")
    write(tmp_path, "v2", parent="v1")
    registry = Registry(tmp_path)
    for version in ("v1", "v2"):
        promote(registry, "m", version, **line.where, verify=verify, now=NOW)
    rollback(registry, "m", **line.where, verify=verify, now=NOW)
    assert line() == [
        ("champion", "v1"),
        ("champion", "v2"),
        ("rolled_back", "v2"),
        ("champion", "v1"),
    ]
    with pytest.raises(BundleError, match="m v1 has no parent: say which version with --to"):
        rollback(registry, "m", **line.where, verify=verify, now=NOW)
    rollback(registry, "m", to="v2", **line.where, verify=verify, now=NOW)
    assert line()[-2:] == [("rolled_back", "v1"), ("champion", "v2")]


@pytest.mark.broker
def test_nothing_is_withdrawn_when_what_to_go_back_to_is_damaged(line: Any, tmp_path):
    (write(tmp_path, "v1") / "counts.parquet").unlink()
    write(tmp_path, "v2", parent="v1")
    registry = Registry(tmp_path)
    promote(registry, "m", "v2", **line.where, verify=verify, now=NOW)
    with pytest.raises(BundleError, match=r"counts\.parquet is missing"):
        rollback(registry, "m", **line.where, verify=verify, now=NOW)
    assert line() == [("champion", "v2")]


@pytest.mark.broker
def test_there_is_nothing_to_roll_back_before_the_first_champion(line: Any, tmp_path):
    with pytest.raises(BundleError, match="m has no champion"):
        rollback(Registry(tmp_path), "m", **line.where, verify=verify, now=NOW)
