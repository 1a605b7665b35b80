"""A network and the bundle it became answer alike, as does a bundle of counts."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from export.write import write_bundle
from models.counting.baselines import Markov
from models.encoders.sasrec import SASRec, SASRecConfig
from models.evaluation.evaluate import evaluate
from models.evaluation.rankers import BundleRanker, NeuralRanker
from models.hybrid import Counted, HybridConfig, parts_of
from models.questions import PROTOCOLS, ask
from models.second_stage.rerank import RerankConfig
from models.second_stage.two_stages import second_stage
from models.sessions import Sessions, packed
from streams.catalog import Catalog

TRACKS = [f"t{i}" for i in range(40)]


def listening(count: int, longest: int, seed: int, unknown: bool = False) -> Sessions:
    """Sessions that walk up the tracks; some with tracks that the catalog does not know."""
    rng = np.random.default_rng(seed)
    plays = []
    for i in range(count):
        items = (rng.integers(0, 40) + np.cumsum(rng.integers(1, 4, rng.integers(2, longest)))) % 40
        names = [f"new{i}" if unknown and rng.random() < 0.2 else TRACKS[item] for item in items]
        plays.append((f"s{i}", [(name, int(rng.integers(0, 5))) for name in names]))
    return packed(plays, TRACKS)


TRAIN = listening(60, 10, 0)
HELD_OUT = listening(25, 14, 1, unknown=True)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return SASRec(SASRecConfig(items=40, length=6, width=16, heads=2)).eval()


def write(out: Path, **more: Any) -> BundleRanker:
    catalog = Catalog(TRAIN.track_ids, tuple(TRAIN.counts()[1:].tolist()))
    write_bundle(out, catalog=catalog, metrics={}, training={}, **more)
    return BundleRanker.at(out, provider="cpu")


@pytest.fixture(scope="module")
def bundle(model, tmp_path_factory):
    return write(
        tmp_path_factory.mktemp("bundles") / "sasrec",
        name="sasrec", architecture="sasrec", config=asdict(model.config), model=model,
    )  # fmt: skip


def test_one_pass_over_a_session_scores_each_position_as_a_session_of_its_own(model):
    short = listening(20, 6, 2)
    ranker = NeuralRanker(model)
    for asked in ask(short, "next-track", 10**6):
        items, outcomes, lengths = map(torch.from_numpy, asked.questions.windows(6))
        with torch.no_grad():
            alone = model(items, outcomes, lengths) @ model.item_embedding.weight.T
        np.testing.assert_allclose(ranker.scores(asked.questions), alone.numpy(), atol=1e-5)


def test_long_sessions_are_encoded_in_the_order_they_were_asked_about(model):
    (asked,) = ask(HELD_OUT, "next-track", 10**6)
    known = asked.questions.take(np.flatnonzero(asked.questions.depth))
    scores = NeuralRanker(model).scores(known)
    for number in (0, 7, len(scores) - 1):
        alone = NeuralRanker(model).scores(known.take(slice(number, number + 1)))
        np.testing.assert_allclose(scores[number], alone[0], atol=1e-5)


def test_asking_a_model_leaves_it_in_the_mode_it_was_in(model):
    (asked,) = ask(listening(2, 6, 3), "next-track", 10**6)
    model.train()
    first, again = (NeuralRanker(model).scores(asked.questions) for _ in range(2))
    assert model.training
    assert np.array_equal(first, again)  # no dropout in either
    model.eval()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_served_bundle_ranks_as_its_network_does(model, bundle, protocol):
    ours, served = evaluate(
        [NeuralRanker(model), bundle], HELD_OUT, TRAIN.counts(), protocol, negatives=12
    )
    assert served.ranks.tolist() == ours.ranks.tolist()
    if protocol == "leave-last-out":
        assert served.sampled_ranks is not None
        assert ours.sampled_ranks is not None
        assert served.sampled_ranks.tolist() == ours.sampled_ranks.tolist()


@pytest.fixture(scope="module")
def hybrid(model, tmp_path_factory):
    counted = Counted.of(TRAIN, HybridConfig(weight=0.7))
    out = tmp_path_factory.mktemp("bundles") / "hybrid"
    served = write(out, name="hybrid", **parts_of(model, counted, TRAIN.counts()))
    return counted.beside(NeuralRanker(model), TRAIN.counts()), served


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_served_hybrid_ranks_as_it_does_where_it_is_trained(model, hybrid, protocol):
    ours, served, network = evaluate(
        [*hybrid, NeuralRanker(model)], HELD_OUT, TRAIN.counts(), protocol, negatives=12
    )
    assert served.ranks.tolist() == ours.ranks.tolist() != network.ranks.tolist()
    if protocol == "leave-last-out":
        assert served.sampled_ranks is not None
        assert ours.sampled_ranks is not None
        assert served.sampled_ranks.tolist() == ours.sampled_ranks.tolist()


@pytest.fixture(scope="module")
def two_stages(model, hybrid, tmp_path_factory):
    first, _ = hybrid
    length = model.config.length
    fitted = second_stage(first, TRAIN, HELD_OUT, RerankConfig(epochs=2, width=8), length=length)
    out = tmp_path_factory.mktemp("bundles") / "two-stages"
    counted = Counted.of(TRAIN, HybridConfig(weight=0.7))
    parts = parts_of(model, counted, TRAIN.counts())
    served = write(out, name="two-stage", second_stage=fitted.exported(), **parts)
    return fitted.behind(first, TRAIN.counts(), length), served


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_served_second_stage_ranks_as_it_does_where_it_is_fitted(hybrid, two_stages, protocol):
    ours, served, first = evaluate(
        [*two_stages, hybrid[0]], HELD_OUT, TRAIN.counts(), protocol, negatives=12
    )
    assert served.ranks.tolist() == ours.ranks.tolist() != first.ranks.tolist()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_served_bundle_of_counts_ranks_as_the_markov_baseline_does(tmp_path, protocol):
    markov = Markov.fit(TRAIN)
    served = write(
        tmp_path / "markov",
        name="markov", architecture="markov", config={}, counts=markov.transitions,
    )  # fmt: skip
    one, other = evaluate([markov, served], HELD_OUT, TRAIN.counts(), protocol, negatives=12)
    assert one.metrics()["hit_rate@10"]
    assert one.ranks.tolist() == other.ranks.tolist()
    if protocol == "leave-last-out":
        assert one.sampled_ranks is not None
        assert other.sampled_ranks is not None
        assert one.sampled_ranks.tolist() == other.sampled_ranks.tolist()
