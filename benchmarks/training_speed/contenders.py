"""Pairs of trainings of the same model, ours and plain: each gives one step after another.

A contender is a generator: `next` takes one step and gives the events that were learned from, those
that a target was scored for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.encoders.architectures import make_encoder
from models.encoders.encoder import EncoderConfig
from models.encoders.gru4rec import GRU4Rec, GRU4RecConfig
from models.encoders.sasrec import SASRecConfig
from models.losses.loss import LossConfig
from models.sampling import NegativeSampler, batches_by_length, training_rows
from models.sessions import Sessions
from models.training.parallel_stepping import ParallelStepper
from models.training.schedule import Schedule
from models.training.session_parallel import parallel_steps
from models.training.stepping import RowStepper
from models.training.train import POOL

from . import plain

Contender = Iterator[int]
WIDTH, SAMPLES = 224, 2048
DROPOUT = 0.35


@dataclass(frozen=True)
class Case:
    """One model, how it is trained, and figures of others for it on this data, where known."""

    name: str
    data: str  # a data set's name
    ours: Callable[[Sessions], Contender]
    plain: Callable[[Sessions], Contender]
    sparse: Callable[[Sessions], Contender] | None = None  # plain, but for sparse row gradients
    known: float | None = None  # events/s, one thread, measured beforehand with published code
    known_epoch: float | None = None  # seconds an epoch, likewise
    known_of: str = ""


def _parallel(sessions: Sessions, loss: LossConfig, slots: int) -> Contender:
    config = GRU4RecConfig(
        items=sessions.n_items,
        width=WIDTH,
        dropout=DROPOUT,
        dropout_hidden=0.0,
        outcomes=False,
        item_bias=True,
    )
    steps = parallel_steps(sessions, slots)
    schedule = Schedule(mode="session-parallel", batch=slots, learning_rate=0.05, shape="constant")
    sampler = NegativeSampler(torch.from_numpy(sessions.counts()), loss.sample_alpha)
    stepper = ParallelStepper(GRU4Rec(config).train(), loss, schedule, 0, steps, sampler)
    while True:
        for step in range(len(steps)):
            stepper.take(torch.tensor([step]), 0.0)
            yield len(steps.busy(step))


def _plain_parallel(
    sessions: Sessions, loss: LossConfig, slots: int, *, sparse: bool = False
) -> Contender:
    model = plain.PlainGRU4Rec(sessions.n_items, WIDTH, DROPOUT, sparse=sparse).train()
    # As by default, but without a warning.
    torch.sparse.check_sparse_tensor_invariants.disable()  # type: ignore[no-untyped-call]
    optimiser = torch.optim.Adagrad(model.parameters(), lr=0.05, eps=1e-6)
    plays = torch.from_numpy(sessions.counts()).float()
    weights = plays**loss.sample_alpha
    weights[0] = 0
    lists = _lists(sessions)
    slots = min(slots, len(lists))
    while True:
        hidden = torch.zeros(1, slots, WIDTH)
        for items, targets, begins in plain.session_parallel(lists, slots):
            sampled = torch.multinomial(weights, SAMPLES, replacement=True)
            candidates = torch.cat([targets, sampled])
            hidden = hidden.detach() * ~begins[:, None]
            scores, hidden = model(items, hidden, candidates)
            if loss.name == "bpr-max":
                value = plain.bpr_max(scores, loss.bpreg, loss.elu)
            else:
                log_q = torch.cat([plays[targets], weights[sampled]]).log()
                value = plain.cross_entropy(scores, log_q)
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            value.item()
            yield slots


def _rows(sessions: Sessions, config: EncoderConfig, loss: LossConfig, batch: int) -> Contender:
    rows = training_rows(sessions, config.length)
    sampler = NegativeSampler(torch.from_numpy(sessions.counts()))
    stepper = RowStepper(
        make_encoder(config).train(), loss, Schedule(batch=batch), 0, rows, sampler
    )
    lengths = rows.lengths()
    while True:
        for chosen in batches_by_length(lengths, batch, POOL, stepper.generator):
            stepper.take(chosen, 0.5)
            yield int((lengths[chosen] - 1).sum())


def _plain_rows(
    sessions: Sessions,
    model: nn.Module,
    length: int,
    batch: int,
    loss: Callable[[nn.Module, Tensor, Tensor], Tensor],
) -> Contender:
    rows = training_rows(sessions, length)
    loader = plain.padded_loader([row[row > 0].tolist() for row in rows.items], length, batch)
    optimiser = torch.optim.Adam(model.train().parameters(), lr=1e-3)
    while True:
        for items in loader:
            value = loss(model, items[:, :-1], items[:, 1:])
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimiser.step()
            value.item()
            yield int((items[:, 1:] > 0).sum())


def _all_tracks(model: nn.Module, items: Tensor, targets: Tensor) -> Tensor:
    """Cross entropy over the catalog, padding ignored, the current track masked."""
    logits = model(items) @ model.get_parameter("embedding.weight").T  # (B, T, N + 1)
    other = items.masked_fill(items == targets, 0).unsqueeze(2)
    logits = logits.scatter(2, other, -torch.inf)
    logits = torch.cat([torch.full_like(logits[:, :, :1], -torch.inf), logits[:, :, 1:]], dim=2)
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=0)


def _one_negative(model: nn.Module, items: Tensor, targets: Tensor) -> Tensor:
    """Binary cross entropy of each target and one uniform negative, as SASRec's paper has it."""
    table = model.get_parameter("embedding.weight")
    states, real = model(items), targets > 0
    negatives = torch.randint(1, len(table), targets.shape)
    positive = (states * F.embedding(targets, table)).sum(dim=2)[real]
    negative = (states * F.embedding(negatives, table)).sum(dim=2)[real]
    return F.softplus(-positive).mean() + F.softplus(negative).mean()


def _lists(sessions: Sessions) -> list[plain.Session]:
    lists = [sessions.session(i)[0] for i in range(len(sessions))]
    return [items[items > 0].tolist() for items in lists if (items > 0).sum() > 1]


BPR_MAX = LossConfig(
    name="bpr-max", negatives=SAMPLES, in_batch=True, sample_alpha=0.4, bpreg=1.95, elu=0.5
)
CE = LossConfig(negatives=SAMPLES, in_batch=True, sample_alpha=0.5, logq="published")
_OFFICIAL = "GRU4Rec's official PyTorch code"


def _sasrec(items: int) -> SASRecConfig:
    return SASRecConfig(
        items=items, length=200, width=64, heads=1, expansion=1, dropout=0.2, outcomes=False
    )


CASES = (
    Case(
        "gru4rec session-parallel, bpr-max, batch 80",
        "30music",
        lambda sessions: _parallel(sessions, BPR_MAX, 80),
        lambda sessions: _plain_parallel(sessions, BPR_MAX, 80),
        lambda sessions: _plain_parallel(sessions, BPR_MAX, 80, sparse=True),
        known=3540,
        known_of=_OFFICIAL,
    ),
    Case(
        "gru4rec session-parallel, cross entropy, batch 32",
        "30music",
        lambda sessions: _parallel(sessions, CE, 32),
        lambda sessions: _plain_parallel(sessions, CE, 32),
        lambda sessions: _plain_parallel(sessions, CE, 32, sparse=True),
        known=2310,
        known_of=_OFFICIAL,
    ),
    Case(
        "gru4rec all positions, full cross entropy, batch 128",
        "30music",
        lambda sessions: _rows(
            sessions,
            GRU4RecConfig(
                items=sessions.n_items,
                width=WIDTH,
                dropout=DROPOUT,
                dropout_hidden=0.0,
                outcomes=False,
                item_bias=False,
            ),
            LossConfig(),
            128,
        ),
        lambda sessions: _plain_rows(
            sessions, plain.PlainRecurrent(sessions.n_items, WIDTH, DROPOUT), 20, 128, _all_tracks
        ),
    ),
    Case(
        "sasrec, full cross entropy, batch 128",
        "ml-1m",
        lambda sessions: _rows(sessions, _sasrec(sessions.n_items), LossConfig(), 128),
        lambda sessions: _plain_rows(
            sessions, plain.PlainSASRec(sessions.n_items, 200, 64, 0.2), 200, 128, _all_tracks
        ),
    ),
    Case(
        "sasrec, binary cross entropy, batch 128",
        "ml-1m",
        lambda sessions: _rows(
            sessions,
            _sasrec(sessions.n_items),
            LossConfig(name="gbce", calibration=0.0, negatives=128),
            128,
        ),
        lambda sessions: _plain_rows(
            sessions, plain.PlainSASRec(sessions.n_items, 200, 64, 0.2), 200, 128, _one_negative
        ),
        known_epoch=28.4,
        known_of="RecTools 0.19's SASRec, the faster of two public ones",
    ),
)
