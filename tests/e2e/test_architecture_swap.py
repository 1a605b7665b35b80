"""A running worker goes through the architectures by announcement, with no event lost.

From GRU4Rec to SASRec to BERT4Rec, and to a SASRec with a second stage behind it.
"""

import random
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

import msgspec
import pytest
import torch

from export.write import write_bundle
from infra.topics import Topics, create
from models.encoders.architectures import make_config, make_encoder
from streams.announcements import announce, announcement
from streams.bundle import open_bundle
from streams.events import Recommendation
from tests import bundles

from . import harness
from .harness import Players, WorkerProcess, audited, kept, wait_for, worker
from .test_hot_swap import now, swaps
from .test_kills import TRACKS, answered

pytestmark = pytest.mark.broker

ORDER = ("gru4rec", "sasrec", "bert4rec", "two-stage")


def written(architecture: str, folder: Path) -> Path:
    """Write a small model of one line, its version named by its architecture."""
    second = bundles.tiny_second_stage() if architecture == "two-stage" else None
    torch.manual_seed(0)
    sizes = {"items": bundles.TRACKS, "length": bundles.LENGTH, "width": 16}
    model = make_encoder(make_config("sasrec" if second else architecture, sizes))
    write_bundle(
        folder / architecture,
        name="music",
        version=architecture,
        architecture=model.architecture,
        config=asdict(model.config),
        catalog=bundles.catalog(),
        model=model,
        second_stage=second,
        metrics={},
        training={},
        clock=lambda: bundles.WRITTEN_AT,
    )
    return folder / architecture


def versions_by_partition(broker: str, topic: str) -> dict[int, list[str]]:
    """In each partition the model versions in their order, repeats left out."""
    decode = msgspec.json.Decoder(Recommendation).decode
    found: dict[int, list[str]] = {}
    for record in harness.read_all(broker, topic):
        found.setdefault(record.partition, []).append(decode(record.value).model_version)
    return {number: [name for name, _ in groupby(names)] for number, names in found.items()}


def serves(process: WorkerProcess, version: str) -> bool:
    """Whether the worker says that this version is the one that answers."""
    return f'version="{version}"' in process.metrics()


def test_a_worker_under_load_is_switched_through_the_architectures(
    broker: str, tmp_path: Path
) -> None:
    prefix = f"architectures-{random.randrange(10**9)}."
    topics = Topics.named(prefix)
    create(broker, topics, 4, 1)
    first, *others = [written(name, tmp_path) for name in ORDER]
    players = Players(broker, topics.events, TRACKS, rate=150, seed=13)
    with worker(broker, prefix, tmp_path, "--bundle", str(first)) as process:
        process.start()
        process.wait_ready()
        players.start()
        wait_for(lambda: answered(process), 20, "events are answered", process)
        for number, bundle in enumerate(others, start=1):
            announce(broker, topics.models, [announcement(open_bundle(bundle), "champion", now())])
            wait_for(lambda n=number: swaps(process, "swapped") == n, 30, bundle.name, process)
            wait_for(lambda name=bundle.name: serves(process, name), 20, "it answers", process)
        players.stop()
        found = audited(broker, prefix)
        assert process.stop() == 0
    tally = kept(found)
    assert tally.answered == players.sent
    assert tally.repeats == 0
    by_partition = versions_by_partition(broker, topics.recommendations)
    assert all(names == sorted(names, key=ORDER.index) for names in by_partition.values())
    assert set().union(*by_partition.values()) == set(ORDER)
