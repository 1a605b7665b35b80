"""Sessions that nobody should send: what training and evaluation make of each, by every model.

One track, tracks that no catalog knows, skips alone, ten thousand events; data of one session; and
models that cannot tell two tracks apart.
"""

import numpy as np
import pytest
import torch

from models.counting.baselines import Markov, MostPopular
from models.encoders.architectures import ARCHITECTURES, make_config, make_encoder
from models.evaluation.evaluate import evaluate
from models.evaluation.metrics import MISSED
from models.evaluation.rankers import NeuralRanker
from models.losses.loss import LossConfig
from models.questions import PROTOCOLS, Ranker
from models.sessions import Sessions, packed
from models.training.schedule import Schedule
from models.training.train import train

CATALOG = [f"t{i}" for i in range(12)]
Plays = list[tuple[str, int]]


def walk(start: int, count: int, outcome: int = 1) -> Plays:
    return [(CATALOG[(start + i) % 12], outcome) for i in range(count)]


NORMAL = [walk(i, 6) for i in range(8)]
BAD: dict[str, Plays] = {
    "one track": walk(3, 1),
    "unknown tracks": [("new", 1), ("newer", 4), ("newest", 1)],
    "skips alone": walk(0, 6, outcome=4),
    "ten thousand events": walk(0, 10_000),
}


def sessions_of(*plays: Plays) -> Sessions:
    return packed([(f"s{i}", play) for i, play in enumerate(plays)], CATALOG)


HISTORY = sessions_of(*NORMAL)


def small(architecture: str):
    sizes = {"items": 12, "length": 5, "width": 8}
    return make_config(architecture, sizes)


@pytest.fixture(params=[*ARCHITECTURES, "popularity", "markov"])
def ranker(request) -> Ranker:
    if request.param == "popularity":
        return MostPopular.fit(HISTORY)
    if request.param == "markov":
        return Markov.fit(HISTORY)
    torch.manual_seed(0)
    return NeuralRanker(make_encoder(small(request.param)).eval())


@pytest.mark.parametrize("name", ["ce", "skip-contrastive"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.filterwarnings("error")
def test_training_with_bad_sessions_among_good_ones_ends_with_finite_weights(architecture, name):
    plays = [*NORMAL, *BAD.values()]
    trained = train(
        sessions_of(*plays), HISTORY, small(architecture), LossConfig(name=name),
        Schedule(epochs=1, batch=512),
    )  # fmt: skip
    assert np.isfinite(trained.losses).all()
    assert all(weights.isfinite().all() for weights in trained.model.parameters())


@pytest.mark.parametrize("name", ["ce", "skip-contrastive"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_training_on_skips_alone_ends_with_finite_weights(architecture, name):
    """Nothing was heard, so the contrastive loss has no anchor: it adds nothing, and no NaN."""
    skipped = sessions_of(*[walk(i, 6, outcome=4) for i in range(8)])
    trained = train(
        skipped, skipped, small(architecture), LossConfig(name=name), Schedule(epochs=1)
    )
    assert np.isfinite(trained.losses).all()


@pytest.mark.parametrize("bad", ["one track", "unknown tracks"])
def test_nothing_can_be_learned_of_them_alone(bad):
    with pytest.raises(ValueError, match="none of 1 sessions has two tracks of the catalog"):
        train(sessions_of(BAD[bad]), HISTORY, small("sasrec"), LossConfig())


def test_nothing_can_be_chosen_by_sessions_of_one_track():
    with pytest.raises(ValueError, match="none of 1 validation sessions has two tracks"):
        train(HISTORY, sessions_of(BAD["one track"]), small("sasrec"), LossConfig())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_session_of_one_track_asks_nothing(ranker, protocol):
    (found,) = evaluate([ranker], sessions_of(BAD["one track"]), HISTORY.counts(), protocol)
    assert found.metrics()["targets"] == 0
    assert {value for value in found.metrics().values() if value} == set()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_unknown_tracks_are_missed_and_the_list_is_the_popular_one(ranker, protocol):
    (found,) = evaluate([ranker], sessions_of(BAD["unknown tracks"]), HISTORY.counts(), protocol)
    assert set(found.ranks) == {MISSED}
    figures = found.metrics()
    assert figures["hit_rate@20"] == figures["mrr@20"] == 0
    assert (figures["skip_auc"], figures["popularity_lift@10"]) == (None, None)
    assert figures["coverage@10"] == pytest.approx(10 / 12)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_skips_alone_have_figures_but_none_of_heard_targets(ranker, protocol):
    (found,) = evaluate([ranker], sessions_of(BAD["skips alone"]), HISTORY.counts(), protocol)
    figures = found.metrics()
    assert figures["hit_rate@20"] == 1  # of twelve tracks
    assert figures["heard_targets"] == 0
    assert figures["heard_hit_rate@20"] is None
    assert figures["skip_auc"] is None


def test_ten_thousand_events_are_as_many_questions_each_of_its_newest_tracks(ranker):
    (found,) = evaluate([ranker], sessions_of(BAD["ten thousand events"]), HISTORY.counts())
    assert len(found.ranks) == 9_999
    # The walk goes round: after the longest memory, every twelfth question is the same one.
    assert found.ranks[24:36].tolist() == found.ranks[-3:].tolist() + found.ranks[27:36].tolist()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_model_that_ties_everything_is_right_about_nothing(architecture):
    model = make_encoder(small(architecture)).eval()
    with torch.no_grad():
        for weights in model.parameters():
            weights.zero_()
    sessions = sessions_of(walk(0, 3), [*walk(0, 3), ("t5", 4)])
    (found,) = evaluate([NeuralRanker(model)], sessions, HISTORY.counts())
    assert set(found.ranks) == {11}  # behind all others but the current track, which is masked
    figures = found.metrics()
    assert figures["hit_rate@10"] == figures["mrr@10"] == 0
    assert figures["skip_auc"] == 0.5
