import hashlib
import threading
from pathlib import Path

import pytest

from infra import jars

NAMES = ("one.jar", "two.jar")


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Checksums of two small files, and a download that writes them; it lists its runs."""
    runs: list[Path] = []

    def download(staging, digests, progress):
        runs.append(staging)
        (staging / "jars").mkdir()
        for name in NAMES:
            (staging / "jars" / name).write_text(name)

    lines = [f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n" for name in NAMES]
    checksums = tmp_path / "small.sha256"
    checksums.write_text("".join(lines))
    monkeypatch.setattr(jars, "CHECKSUMS", checksums)
    monkeypatch.setattr(jars, "_download", download)
    return runs


def test_every_jar_is_locked_and_kafka_s_own_have_its_version():
    names = jars.expected().keys()
    assert len(names) > 40
    kafka = [name for name in names if name.startswith("kafka")]
    assert f"kafka-clients-{jars.VERSION}.jar" in kafka
    assert all(name.endswith(f"-{jars.VERSION}.jar") for name in kafka)


def test_jars_are_fetched_once(small, tmp_path):
    first = jars.resolve(cache=tmp_path / "cache")
    assert [path.name for path in first] == list(NAMES)
    assert [path.read_text() for path in first] == list(NAMES)
    assert jars.resolve(cache=tmp_path / "cache") == first
    assert len(small) == 1


@pytest.mark.parametrize("damage", ["truncate", "remove"])
def test_a_damaged_jar_is_fetched_again(small, tmp_path, damage):
    victim = jars.resolve(cache=tmp_path / "cache")[1]
    if damage == "remove":
        victim.unlink()
    else:
        victim.write_text("")
    assert jars.resolve(cache=tmp_path / "cache")[1].read_text() == victim.name
    assert len(small) == 2


def test_many_at_once_fetch_once(small, tmp_path):
    found: list[list[Path]] = []

    def resolve():
        found.append(jars.resolve(cache=tmp_path / "cache"))

    threads = [threading.Thread(target=resolve) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(small) == 1


def test_what_a_dead_process_left_is_cleared_away(small, tmp_path):
    left = tmp_path / "cache" / "fetching-dead"
    left.mkdir(parents=True)
    jars.resolve(cache=tmp_path / "cache")
    assert not left.exists()


def test_a_failing_network_is_tried_again_and_then_named(small, tmp_path, monkeypatch):
    tried = []

    def fail(staging, digests, progress):
        tried.append(staging)
        raise ConnectionError("network is unreachable")

    monkeypatch.setattr(jars, "_download", fail)
    with pytest.raises(OSError, match=r"network is unreachable.*SEGUE_MAVEN.*--bootstrap"):
        jars.resolve(cache=tmp_path / "cache")
    assert len(tried) == jars.ATTEMPTS
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["jars.lock"]


def test_the_cache_is_where_the_settings_say(tmp_path):
    assert jars.cache_folder({"SEGUE_CACHE": "/a", "XDG_CACHE_HOME": "/b"}) == Path("/a")
    assert jars.cache_folder({"XDG_CACHE_HOME": "/b"}) == Path("/b/segue")
    assert jars.cache_folder({}) == Path.home() / ".cache" / "segue"
