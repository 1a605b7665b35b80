"""A worker serves a model whose item embeddings came from a file, tracks of that file alone too."""

import random
from pathlib import Path

import msgspec
import pytest

from infra.topics import Topics, create
from models.data.sources import open_source
from models.encoders.sasrec import SASRecConfig
from models.items.extension import extend
from models.items.item_start import item_start
from models.items.track_embeddings import TrackEmbeddings, read_embeddings, write_embeddings
from models.losses.loss import LossConfig
from models.recipe import make_network, prepare
from models.training.schedule import Schedule
from streams.events import Recommendation
from tests.colistening import factorised

from . import harness
from .harness import Players, audited, kept, wait_for, worker
from .test_kills import answered

pytestmark = pytest.mark.broker

DATA = "simulated:sessions=400,tracks=100,seed=1"


def test_a_worker_serves_item_embeddings_from_a_file_and_tracks_no_session_had(
    broker: str, tmp_path: Path
) -> None:
    prepared = prepare(open_source(DATA))
    made = factorised(prepared.train, 12, split=prepared.split.record())
    cold = [f"cold-{track}" for track in made.track_ids[:5]]  # each stands where its namesake does
    everything = TrackEmbeddings(
        (*made.track_ids, *cold), made.matrix[[*range(len(made)), *range(5)]], made.about
    )
    write_embeddings(tmp_path / "items.safetensors", everything)
    embeddings = read_embeddings(tmp_path / "items.safetensors")
    config = SASRecConfig(items=prepared.train.n_items, length=8, width=16, blocks=1, heads=2)
    make_network(
        prepared,
        tmp_path / "base",
        config,
        name="music",
        loss=LossConfig(),
        schedule=Schedule(epochs=3),
        start=item_start(embeddings, prepared.train.track_ids, 16, frozen=True),
    )
    extend(tmp_path / "base", embeddings, tmp_path / "music" / "wider")

    prefix = f"items-{random.randrange(10**9)}."
    topics = Topics.named(prefix)
    create(broker, topics, 4, 1)
    players = Players(broker, topics.events, list(embeddings.track_ids), rate=100, seed=3)
    with worker(broker, prefix, tmp_path, "--bundle", str(tmp_path / "music" / "wider")) as process:
        process.start()
        process.wait_ready()
        players.start()
        wait_for(lambda: answered(process), 20, "events are answered", process)
        wait_for(lambda: players.sent >= 300, 20, "there are enough", process)
        players.stop()
        found = audited(broker, prefix)
        assert process.stop() == 0
    assert kept(found).answered == players.sent
    decode = msgspec.json.Decoder(Recommendation).decode
    lists = [decode(record.value) for record in harness.read_all(broker, topics.recommendations)]
    assert {found.model_version for found in lists} == {"wider"}
    assert {found.fallback for found in lists} == {None}
    assert {item.track_id for found in lists for item in found.items} & set(cold)
