"""Who is better than whom: paired differences with 95 % bootstrap intervals, over all seeds.

Every model is compared with every baseline, and with every other model. The intervals are of the
sessions that happened to be asked; how a model differs from seed to seed is in the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from models.evaluation.bootstrap import Interval, Resamples
from models.evaluation.metrics import gains, reciprocal_ranks
from models.questions import Bools, Floats, Ints

from .outcome import Answers, Outcome

Worth = tuple[Floats, Bools | Ints]  # of each question: its value, and what it counts
_DIGITS = 6


def _of_ranks(value: Callable[[Ints], Floats]) -> Callable[[Answers], Worth | None]:
    return lambda answers: (value(answers.evaluation.ranks), np.ones_like(answers.novel))


def _of_sampled(k: int) -> Callable[[Answers], Worth | None]:
    def worth(answers: Answers) -> Worth | None:
        ranks = answers.evaluation.sampled_ranks
        return None if ranks is None else (_hit(k)(ranks), np.ones_like(answers.novel))

    return worth


def _where(
    worth: Callable[[Answers], Worth | None], asked: Callable[[Answers], Bools]
) -> Callable[[Answers], Worth | None]:
    def among(answers: Answers) -> Worth | None:
        found = worth(answers)
        return None if found is None else (found[0], found[1] * asked(answers))

    return among


def _hit(k: int) -> Callable[[Ints], Floats]:
    return lambda ranks: (ranks <= k).astype(np.float64)


def _skip_auc(answers: Answers) -> Worth | None:
    found = answers.evaluation
    return None if found.won is None or found.pairs is None else (found.won, found.pairs)


_MRR = _of_ranks(lambda ranks: reciprocal_ranks(ranks, 20))
METRICS: dict[str, Callable[[Answers], Worth | None]] = {
    "hit_rate@1": _of_ranks(_hit(1)),
    "hit_rate@10": _of_ranks(_hit(10)),
    "hit_rate@20": _of_ranks(_hit(20)),
    "mrr@20": _MRR,
    "ndcg@10": _of_ranks(lambda ranks: gains(ranks, 10)),
    "heard_mrr@20": _where(_MRR, lambda answers: answers.evaluation.heard),
    "novel_mrr@20": _where(_MRR, lambda answers: answers.novel),
    "novel_hit_rate@10": _where(_of_ranks(_hit(10)), lambda answers: answers.novel),
    "skip_auc": _skip_auc,
    "sampled_hit_rate@1": _of_sampled(1),
    "sampled_hit_rate@10": _of_sampled(10),
}
"""What can be compared, where a protocol has it: the value of each question, and its weight."""


def comparisons(
    outcomes: Sequence[Outcome], metrics: Sequence[str], *, same_test: bool
) -> list[dict[str, Any]]:
    """Compare all by some of METRICS; with `same_test` every seed was asked about one test.

    Where it is not so, a session is another one in another seed, since training was another.
    """
    names = list(dict.fromkeys(outcome.model for outcome in outcomes))
    seeds = sorted({outcome.seed for outcome in outcomes})
    by_place = {(outcome.model, outcome.seed): outcome for outcome in outcomes}
    models = [o.model for o in outcomes if o.kind == "model" and o.seed == seeds[0]]
    pairs = [(model, name) for model in models for name in names if name not in models]
    pairs += [(better, worse) for worse, better in combinations(models, 2)]
    found = []
    for protocol in outcomes[0].answers:
        answers = {
            name: [by_place[name, seed].answers[protocol] for seed in seeds] for name in names
        }
        session = [
            each.evaluation.session + (0 if same_test else number << 32)
            for number, each in enumerate(answers[names[0]])
        ]
        resamples = Resamples(np.concatenate(session), np.random.default_rng(0))
        for metric in metrics:
            worth = METRICS[metric]
            worths = {name: _joined([worth(each) for each in answers[name]]) for name in names}
            for a, b in pairs:
                interval = _interval(resamples, worths[a], worths[b])
                if interval is not None:
                    mean, *bounds = (round(value, _DIGITS) for value in interval)
                    found.append(
                        {"a": a, "b": b, "metric": metric, "protocol": protocol,
                         "difference": mean, "interval95": bounds}
                    )  # fmt: skip
    return found


def _interval(resamples: Resamples, ours: Worth | None, theirs: Worth | None) -> Interval | None:
    if ours is None or theirs is None:
        return None
    return resamples.interval(ours[0], theirs[0], ours[1])


def _joined(worths: Sequence[Worth | None]) -> Worth | None:
    known = [worth for worth in worths if worth is not None]
    if len(known) < len(worths):
        return None
    values, weights = zip(*known, strict=True)
    return np.concatenate(values), np.concatenate(weights)
