"""Workers of one group share the partitions, and hand them over without losing an event."""

import random
import re
from pathlib import Path

import pytest

from infra.topics import Topics, create
from tests import bundles

from .harness import Players, WorkerProcess, audited, kept, wait_for, worker
from .test_kills import TRACKS

pytestmark = pytest.mark.broker


def takes(process: WorkerProcess) -> int:
    """How many partitions the worker has begun to answer since its last assignment."""
    begins = re.findall(r"partitions begin at \{(.*?)\}", process.said)
    return len([part for part in begins[-1].split(",") if part.strip()]) if begins else 0


def test_partitions_move_between_workers_and_no_event_is_lost(broker: str, tmp_path: Path) -> None:
    prefix = f"several-{random.randrange(10**9)}."
    topics = Topics.named(prefix)
    create(broker, topics, 4, 1)
    bundle = bundles.place(bundles.network_files(), tmp_path / "bundle")
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    serve = ("--bundle", str(bundle))
    players = Players(broker, topics.events, TRACKS, rate=100, seed=13)
    with worker(broker, prefix, one, *serve) as a, worker(broker, prefix, two, *serve) as b:
        players.start()
        a.start()
        a.wait_ready()
        b.start()
        wait_for(lambda: (takes(a), takes(b)) == (2, 2), 40, "each has two partitions", b)
        a.kill()
        wait_for(lambda: takes(b) == 4, 40, "the other takes over", b)
        a.start()
        wait_for(lambda: (takes(a), takes(b)) == (2, 2), 40, "they share again", a)
        assert b.stop() == 0
        wait_for(lambda: takes(a) == 4, 40, "the first takes over", a)
        players.stop()
        found = audited(broker, prefix)
        assert a.stop() == 0
    assert kept(found).answered == players.sent
