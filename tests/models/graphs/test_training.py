"""Training: LightGCN learns blocks, a step is the published one, a kill changes no number."""

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from models.data.playlists import Playlists
from models.graphs.encoder import GraphEncoder
from models.graphs.evaluation import rank
from models.graphs.lightgcn import LightGCN, LightGCNConfig
from models.graphs.networks import make_graph_config
from models.graphs.pair_sampling import PairSampler
from models.graphs.recipe import (
    PreparedGraph,
    embed,
    prepare_graph,
    ranking_judge,
    train_graph,
)
from models.graphs.schedule import GraphSchedule
from models.graphs.training import GraphStep, GraphTraining, best_row

from .small import blocks
from .test_adjacency import dense

SCHEDULE = GraphSchedule(epochs=30, batch=64, learning_rate=0.02)


def prepared(seed: int = 0) -> PreparedGraph:
    graph = blocks(seed)
    playlists, tracks = (tuple(map(str, range(n))) for n in (graph.n_playlists, graph.n_tracks))
    return prepare_graph(Playlists(playlists, tracks, graph), k=2)


def config(found: PreparedGraph, **given: object) -> LightGCNConfig:
    graph = found.split.train
    sizes = {"playlists": graph.n_playlists, "tracks": graph.n_tracks, "width": 8, "layers": 2}
    return LightGCNConfig(**{**sizes, **given})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"loss": "bce", "draw": "edges"},
        {"loss": "softmax"},
        {"negatives": "hard", "hard_last": 0.5},
        {"negatives": "adaptive", "checked": False},
        {"supervision": 0.3, "batch": 0, "learning_rate": 0.05},
        {"fanouts": (6, 6), "learning_rate": 0.05},
    ],
)
def test_hidden_tracks_of_the_own_block_are_found(given):
    found = prepared()
    schedule = replace(SCHEDULE, **given)
    judge = ranking_judge(found, schedule, [5], every=10)
    _, rows = train_graph(found, "lightgcn", config(found), schedule, judge)
    assert [row["epoch"] for row in rows if row["metrics"]] == [10, 20, 30]
    # By chance 5 of the 20 or so tracks that are not known.
    assert rows[-1]["metrics"]["recall@5"] > 0.5
    assert rows[-1]["loss"] < rows[0]["loss"]


@pytest.mark.parametrize("given", [{"loss": "softmax", "decay": 0.01}, {"fanouts": (6, 6)}])
def test_a_member_learns_what_it_would_alone(given):
    found = prepared()
    schedule = replace(SCHEDULE, epochs=2, **given)
    pair = LightGCN(config(found))
    trained = []
    for at, members in ((slice(None), 2), (slice(4), 1), (slice(4, None), 1)):
        model = LightGCN(config(found, width=len(range(8)[at])))
        model.embedding.data.copy_(pair.embedding[:, at])
        training = GraphTraining(model, found.split.train, replace(schedule, members=members), 0)
        training.fit(lambda model, epoch: {}, lambda step: None, lambda: 0.0)
        trained.append(model.embedding.detach())
    torch.testing.assert_close(trained[0], torch.cat(trained[1:], dim=1))


@pytest.mark.parametrize(
    ("network", "given"),
    [
        ("gat", {}),
        ("lightgcn", {"width": 9}),
        ("lightgcn", {"alpha": "learnable"}),
        ("lightgcn", {"normalise": True}),
    ],
)
def test_members_that_would_mix_are_refused(network, given):
    found, schedule = prepared(), replace(SCHEDULE, members=2)
    sizes = make_graph_config(network, {**asdict(config(found)), **given})
    with pytest.raises(ValueError, match=r"2 members in a .*expected a lightgcn of fixed alpha"):
        train_graph(found, network, sizes, schedule, lambda model, epoch: {})


def test_learnable_layer_weights_move():
    found = prepared()
    schedule = replace(SCHEDULE, epochs=2)
    given = config(found, alpha="learnable", normalise=True, temperature=0.2)
    model, _ = train_graph(found, "lightgcn", given, schedule, lambda model, epoch: {})
    assert not torch.allclose(model.alpha, torch.full((3,), 1 / 3))


def test_a_step_is_adams_on_the_published_loss():
    found = prepared()
    graph, schedule = found.split.train, GraphSchedule(epochs=1, batch=10**6, decay=0.1)
    model, (row,) = train_graph(
        found, "lightgcn", config(found), schedule, lambda model, epoch: {}, seed=3
    )
    torch.manual_seed(3)
    plain = LightGCN(config(found)).embedding
    sampler = PairSampler(graph, schedule, 3)
    drawn, rng = sampler.epoch(1), sampler.generator(1, 0)
    rng.integers(1 << 62)
    playlists, tracks = sampler.positives(drawn, 0, rng)
    wrong = sampler.negatives(playlists, tracks, plain.detach(), 0, rng)
    once = dense(graph) @ plain
    embedded = (plain + once + dense(graph) @ once) / 3
    n = graph.n_playlists
    u, i, j = playlists, tracks + n, wrong + n
    scores = (embedded[u] * (embedded[i] - embedded[j])).sum(dim=1)
    penalty = sum(plain[nodes].square().sum() for nodes in (u, i, j)) / 2 / len(u)
    loss = -torch.nn.functional.logsigmoid(scores).mean() + 0.1 * penalty
    assert row["loss"] == pytest.approx(loss.item(), rel=1e-5)
    optimiser = torch.optim.Adam([plain], lr=schedule.learning_rate)
    torch.autograd.backward(loss)
    optimiser.step()
    # Adam's first step is the sign of the gradient: it only shows where that is not near 0.
    clear = plain.grad.abs() > 1e-6  # type: ignore[union-attr]
    torch.testing.assert_close(model.embedding[clear], plain[clear])


def test_the_learning_rate_falls_over_the_run():
    found, moved = prepared(), {}
    for shape in ("constant", "cosine"):
        seen: list[torch.Tensor] = []

        def look(model, epoch, seen=seen):
            seen.append(model.embedding.detach().clone())
            return {}

        train_graph(found, "lightgcn", config(found), replace(SCHEDULE, shape=shape), look)
        moved[shape] = (seen[0], (seen[-1] - seen[-2]).abs().mean())
    (first, steady), (same, falling) = moved["constant"], moved["cosine"]
    torch.testing.assert_close(first, same, atol=1e-3, rtol=0)
    assert falling < steady / 20


class Killed(Exception):
    """As a signal would end it."""


@pytest.mark.parametrize(
    "given",
    [{}, {"negatives": "adaptive", "supervision": 0.3}, {"fanouts": (3, 3), "shape": "cosine"}],
)
def test_a_training_that_was_killed_ends_with_the_same_numbers(tmp_path: Path, given):
    found, schedule = prepared(), replace(SCHEDULE, epochs=3, batch=16, **given)
    judge = ranking_judge(found, schedule, [5])
    whole, rows = train_graph(found, "lightgcn", config(found), schedule, judge)
    for epoch, step in ((1, 2), (2, 1), (3, 2)):

        def kill(at, epoch=epoch, step=step):
            if (at.epoch, at.step) == (epoch, step):
                raise Killed

        with pytest.raises(Killed):
            train_graph(
                found, "lightgcn", config(found), schedule, judge,
                checkpoint=tmp_path / "kept", checkpoint_every=0, progress=kill,
            )  # fmt: skip
    again, resumed = train_graph(
        found, "lightgcn", config(found), schedule, judge, checkpoint=tmp_path / "kept"
    )
    told = [{k: v for k, v in row.items() if k != "seconds"} for row in resumed]
    assert told == [{k: v for k, v in row.items() if k != "seconds"} for row in rows]
    assert torch.equal(whole.embedding, again.embedding)


def test_the_epoch_that_was_best_is_kept_and_a_kill_does_not_lose_it(tmp_path: Path):
    found, schedule = prepared(), replace(SCHEDULE, epochs=4)
    figures = {1: {"recall@5": 0.1}, 2: {"recall@5": 0.5}, 3: {}, 4: {"recall@5": 0.2}}
    seen: dict[int, torch.Tensor] = {}

    def judge(model: GraphEncoder, epoch: int) -> dict[str, float]:
        seen[epoch] = model.embedding.detach().clone()
        return figures[epoch]

    def kill(at: GraphStep) -> None:
        if at.epoch == 4:
            raise Killed

    train = partial(
        train_graph, found, "lightgcn", config(found), schedule, judge,
        choose="recall@5", checkpoint=tmp_path / "kept",
    )  # fmt: skip
    with pytest.raises(Killed):
        train(progress=kill)
    model, rows = train()
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert not torch.equal(seen[2], seen[4])
    assert torch.equal(model.embedding, seen[2])


def test_of_equals_the_first_row_is_the_best_and_what_was_not_judged_is_none():
    rows = [{"metrics": found} for found in ({}, {"r": 0.2}, {"r": 0.5}, {"r": 0.5}, {})]
    assert best_row(rows, "r") is rows[2]
    assert best_row(rows[:1], "r") is None


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    found, schedule = prepared(), replace(SCHEDULE, epochs=1)
    train = partial(
        train_graph, found, "lightgcn", config(found), schedule, lambda model, epoch: {},
        checkpoint=tmp_path / "kept",
    )  # fmt: skip
    train(seed=0)
    with pytest.raises(ValueError, match="seed was 0, is now 1"):
        train(seed=1)


def test_with_room_for_all_neighbours_a_drawn_step_is_that_of_the_whole_graph():
    found = prepared()
    learned = []
    for fanouts in ((), (99, 99)):
        schedule = GraphSchedule(epochs=1, batch=10**6, decay=0.1, fanouts=fanouts)
        model, (row,) = train_graph(
            found, "lightgcn", config(found), schedule, lambda model, epoch: {}
        )
        learned.append((model.embedding.detach(), row["loss"]))
    (whole, loss), (drawn, same) = learned
    assert same == pytest.approx(loss, rel=1e-5)
    assert (whole - drawn).abs().max() < 2e-3  # a step of Adam is 1e-3 where a gradient is near 0
    assert (whole - drawn).abs().median() < 1e-5  # epsilon is added elsewhere in lazy Adam


def test_fan_outs_are_one_for_each_layer():
    found, schedule = prepared(), replace(SCHEDULE, fanouts=(3,))
    with pytest.raises(ValueError, match="1 fan-outs for 2 layers"):
        train_graph(found, "lightgcn", config(found), schedule, lambda model, epoch: {})


def test_a_loss_that_is_not_finite_ends_it():
    found, schedule = prepared(), replace(SCHEDULE, learning_rate=1e30)
    with pytest.raises(FloatingPointError, match="lower the learning rate"):
        train_graph(found, "lightgcn", config(found), schedule, lambda model, epoch: {})


def test_recency_weighs_what_messages_pass_along():
    found = prepared()
    graph = found.split.train
    ages = np.arange(graph.n_edges) * 86_400
    timed = replace(graph, times=ages)
    model = LightGCN(config(found))
    assert not torch.allclose(embed(model, timed, 5.0), embed(model, graph))
    assert torch.allclose(embed(model, timed, 1e9), embed(model, graph), atol=1e-5)


def test_what_ranks_is_what_embeds():
    found = prepared()
    model = LightGCN(config(found, normalise=True, temperature=0.25))
    embedded = embed(model, found.split.train)
    torch.testing.assert_close(embedded.norm(dim=1), torch.full((len(embedded),), 2.0))
    assert rank(embedded, found.split.train, found.split.valid, 3).metrics([3])
