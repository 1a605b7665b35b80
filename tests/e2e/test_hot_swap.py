"""A new champion goes live under load with no event lost; a damaged one never does."""

import random
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from infra.topics import Topics, create
from streams.announcements import announce, announcement
from streams.bundle import open_bundle
from streams.events import Recommendation
from tests import bundles

from . import harness
from .harness import Players, WorkerProcess, audited, kept, wait_for, worker
from .test_kills import TRACKS, answered

pytestmark = pytest.mark.broker


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def swaps(process: WorkerProcess, outcome: str) -> float:
    """How often the worker says it has swapped, or refused to."""
    wanted = f'segue_swaps_total{{outcome="{outcome}"}} '
    lines = [line for line in process.metrics().splitlines() if line.startswith(wanted)]
    return float(lines[0].split()[1]) if lines else 0.0


def versions(broker: str, topics: Topics) -> list[str]:
    """The model versions of all recommendations."""
    decode = msgspec.json.Decoder(Recommendation).decode
    records = harness.read_all(broker, topics.recommendations)
    return [decode(record.value).model_version for record in records]


def test_a_swap_under_load_loses_no_event_and_a_damaged_champion_is_refused(
    broker: str, tmp_path: Path
) -> None:
    prefix = f"swap-{random.randrange(10**9)}."
    topics = Topics.named(prefix)
    create(broker, topics, 4, 1)
    first = bundles.place(bundles.network_files(0), tmp_path / "v0")
    second = bundles.place(bundles.network_files(1), tmp_path / "v1")
    damaged = bundles.place(bundles.network_files(2), tmp_path / "v2")
    players = Players(broker, topics.events, TRACKS, rate=150, seed=11)
    with worker(broker, prefix, tmp_path, "--bundle", str(first)) as process:
        process.start()
        process.wait_ready()
        players.start()
        wait_for(lambda: answered(process), 20, "events are answered", process)
        announce(broker, topics.models, [announcement(open_bundle(second), "champion", now())])
        wait_for(lambda: swaps(process, "swapped") == 1, 20, "the champion serves", process)

        told = announcement(open_bundle(damaged), "champion", now())
        encoder = damaged / "encoder.onnx"
        raw = bytearray(encoder.read_bytes())
        raw[:4096] = bytes(min(4096, len(raw)))  # one page that never reached the disk
        encoder.write_bytes(raw)
        announce(broker, topics.models, [told])
        wait_for(lambda: swaps(process, "refused") == 1, 20, "the page is noticed", process)
        before = answered(process)
        wait_for(lambda: answered(process) != before, 20, "the old model serves on", process)
        players.stop()
        found = audited(broker, prefix)
        assert process.stop() == 0
    tally = kept(found)
    assert tally.answered == players.sent
    assert tally.repeats == 0
    assert set(versions(broker, topics)) == {"v0", "v1"}


def test_a_roll_back_brings_the_parent_back(broker: str, tmp_path: Path) -> None:
    prefix = f"back-{random.randrange(10**9)}."
    topics = Topics.named(prefix)
    create(broker, topics, 4, 1)
    first = bundles.place(bundles.network_files(0), tmp_path / "v0")
    second = bundles.place(bundles.network_files(1), tmp_path / "v1")
    with worker(broker, prefix, tmp_path, "--bundle", str(first)) as process:
        process.start()
        process.wait_ready()
        announce(broker, topics.models, [announcement(open_bundle(second), "champion", now())])
        wait_for(lambda: 'version="v1"' in process.metrics(), 20, "v1 serves", process)
        withdrawn = announcement(open_bundle(second), "rolled_back", now())
        restored = announcement(open_bundle(first), "champion", now())
        announce(broker, topics.models, [withdrawn, restored])
        wait_for(lambda: 'version="v0"' in process.metrics(), 20, "v0 serves again", process)
        assert process.stop() == 0
