"""What `segue bench skips` compares: for each suite the data, the way to ask, and rows that differ
in their loss alone.

A plain row is told nothing of skips, neither as input nor in the loss (S- of Seshadri & Knees,
2023). Nothing is trained here.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

from models.losses.loss import LossConfig
from models.training.schedule import Schedule

from .suite import Bar, Row, Suite

PLAIN = {"outcomes": False}  # no input says how an occurrence ended
# Paper 3 has hidden layers as wide as the embeddings; that is also a third of the time saved.
NARROW = {"expansion": 1}
SMALL = {"expansion": 1, "width": 64}
TINY = {
    "expansion": 1, "width": 32, "blocks": 1, "heads": 4, "dropout": 0.1, "outcome_dropout": 0.0,
}  # fmt: skip
MSSD = "mssd-mini:../shared/data/mssd-mini"
# Playlists are shuffled, so what comes next is any of their tracks, and a few tracks are pushed at
# everyone, each as often as a track of the right playlist: only skips tell whose taste it meets.
LISTENERS = (
    "simulated:sessions=8000,tracks=300,playlists=30,moods=4,new_share=0,mood_drift=0,"
    "shuffle_share=1,album_share=0,radio_share=0,pushed_share=0.2,pushed_tracks=10,"
    "skip_base=-4,skip_misfit=16"
)


def contrastive(**fields: Any) -> LossConfig:  # noqa: ANN401
    """Give a skip-contrastive loss."""
    return LossConfig(name="skip-contrastive", **fields)


def weighted(w: float, **fields: Any) -> LossConfig:  # noqa: ANN401
    """Give a loss whose likelihood counts targets skipped at once or early w times."""
    return LossConfig(skip_weights=(w, w, 1.0), **fields)


INFORMED = weighted(0.6, name="skip-contrastive")
"""The best skip AUC of what costs SASRec less than half a percent of heard MRR@20 in validation."""


def _against_first(rows: tuple[Row, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((row.name, rows[0].name) for row in rows[1:])


def _variants() -> tuple[Row, ...]:
    dot = {"similarity": "dot", "alpha": 0.1, "beta": 0.9}
    y = {"name": "skip-contrastive"}
    losses = {
        "plain": LossConfig(),
        "weights .6, c = y": weighted(0.6, **y),
        "weights .3, c = y": weighted(0.3, **y),
        "c = y": contrastive(),
        "weights .3": weighted(0.3),
        "weights .1, c = y": weighted(0.1, **y),
        "c = e": contrastive(context="item"),
        "unlikelihood .3": LossConfig(unlikelihood=0.3),
        "c = y, inner product, α .1 β .9": contrastive(**dot),
        "weights .3, c = y, inner product, α .1 β .9": weighted(0.3, **y, **dot),
        "c = y, τ .3": contrastive(temperature=0.3),
        "c = y, τ .1": contrastive(temperature=0.1),
        "c = e, τ .1": contrastive(context="item", temperature=0.1),
    }
    told = {
        "outcomes as input": LossConfig(),
        "outcomes as input, weights .3": weighted(0.3),
        "outcomes as input, weights .1": weighted(0.1),
        "outcomes as input, c = y": contrastive(),
        "outcomes as input, c = e": contrastive(context="item"),
    }
    # The negatives are sampled because that takes a third of the time.
    return tuple(
        Row(name=name, loss=replace(loss, negatives=1000), sizes={**sizes, **NARROW})
        for group, sizes in ((losses, PLAIN), (told, {}))
        for name, loss in group.items()
    )


def _simulated() -> tuple[Row, ...]:
    """All are told how occurrences ended, as input: they differ in the loss alone.

    Its settings were chosen on listeners of another seed.
    """
    losses = {
        "S-": LossConfig(),
        "S+ (c = y)": contrastive(similarity="dot", alpha=0.3, beta=0.7),
        "S+ (c = e)": contrastive(context="item", temperature=0.1, alpha=0.9, beta=0.1),
    }
    return tuple(Row(name=name, loss=loss, sizes=TINY) for name, loss in losses.items())


def _paper() -> tuple[Row, ...]:
    # Drawn negatives do not keep a bidirectional encoder from the tracks that it sees beside the
    # hidden one, and few tracks are hidden: it has the whole catalog.
    encoders: tuple[tuple[str, str, dict[str, int], int | None], ...] = (
        ("Uni", "sasrec", {"epochs": 5}, 1000),
        ("Bi", "bert4rec", {"epochs": 12, "batch": 32}, None),
    )
    return tuple(
        Row(
            name=f"{name} {mark}",
            architecture=architecture,
            loss=replace(loss, negatives=negatives),
            sizes=PLAIN | NARROW,
            schedule=schedule,
        )
        for name, architecture, schedule, negatives in encoders
        for mark, loss in (
            ("S-", LossConfig()),
            ("S+ (y)", contrastive()),
            ("S+ (e)", contrastive(context="item")),
        )
    )


def _encoders() -> tuple[Row, ...]:
    """Each with the full softmax, as it is trained elsewhere."""
    gru = {"item_bias": True, "dropout": 0.05, "dropout_hidden": 0.2}
    fast = {"batch": 32, "learning_rate": 1.4e-2, "weight_decay": 1e-2}
    return tuple(
        Row(
            name=f"{architecture}, {mark}",
            architecture=architecture,
            loss=loss,
            sizes=PLAIN | sizes,
            schedule=schedule,
        )
        for architecture, sizes, schedule in (
            ("gru4rec", gru, fast | {"epochs": 6}),
            ("sasrec", NARROW, {"epochs": 5}),
            # A row asks of it one next track at most, where the others learn all: more epochs.
            ("bert4rec", SMALL | {"last_masked": 0.8}, {"epochs": 50, "batch": 32}),
        )
        for mark, loss in (("plain", LossConfig()), ("informed", INFORMED))
    )


def _grid() -> tuple[Row, ...]:
    """Sixteen cells of eleven trainings: Adam does not see what both weights have in common."""
    weights = (0.25, 0.5, 0.75, 1.0)
    cells = {
        f"α {alpha:g} β {beta:g}": contrastive(
            alpha=round(alpha / (alpha + beta), 6),
            beta=round(beta / (alpha + beta), 6),
            context="item",
        )
        for alpha, beta in product(weights, weights)
    }
    return tuple(
        Row(name=name, loss=replace(loss, negatives=1000), sizes=PLAIN | SMALL)
        for name, loss in {"S-": LossConfig(), **cells}.items()
    )


SIMULATED, VARIANTS, GRID = _simulated(), _variants(), _grid()
SUITES = {
    "simulated": Suite(
        title="simulated listeners whose skips carry taste by construction",
        data=LISTENERS,
        rows=SIMULATED,
        pairs=_against_first(SIMULATED),
        schedule=Schedule(epochs=15, learning_rate=1e-2, patience=15),
        bars=(Bar(metric="heard_hit_rate@10"),),
    ),
    "variants": Suite(
        title="ways to tell SASRec of skips, on the validation sessions",
        data=MSSD,
        rows=VARIANTS,
        pairs=_against_first(VARIANTS),
        schedule=Schedule(epochs=4),
        seeds=(0,),
        part="valid",
    ),
    "mssd-mini": Suite(
        title="three encoders, informed of skips as `variants` chose, against plain ones",
        data=MSSD,
        rows=_encoders(),
        pairs=tuple(
            (f"{architecture}, informed", f"{architecture}, plain")
            for architecture in ("gru4rec", "sasrec", "bert4rec")
        ),
        schedule=Schedule(epochs=4),
        bars=(Bar(metric="skip_auc", every_seed=True), Bar(metric="heard_mrr@20", above=-0.01)),
    ),
    "grid": Suite(
        title="α and β of the skip-contrastive loss, paper 3's way to train, validation tracks",
        data=MSSD,
        rows=GRID,
        pairs=_against_first(GRID),
        schedule=Schedule(epochs=3),
        seeds=(0,),
        part="valid",
        protocol="leave-last-out",
        leave_one_out=True,
    ),
    "paper-3": Suite(
        title="table 1 of paper 3: last track of every session, 1,000 sampled negatives",
        data=MSSD,
        rows=_paper(),
        pairs=tuple(
            (f"{name} {mark}", f"{name} S-")
            for name in ("Uni", "Bi")
            for mark in ("S+ (y)", "S+ (e)")
        ),
        schedule=Schedule(epochs=5),
        bars=(Bar(metric="sampled_hit_rate@1"),),
        protocol="leave-last-out",
        leave_one_out=True,
    ),
}
