"""Every ranking figure, and the skip AUC, computed again by an independent library."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import binary_auroc
from torchmetrics.retrieval import (
    RetrievalHitRate,
    RetrievalMRR,
    RetrievalNormalizedDCG,
    RetrievalRecall,
)

from models.evaluation.evaluation import CUTOFFS, Evaluation
from models.evaluation.metrics import Ints, auc_pairs, hit_rate, mrr, ndcg, ranks, recall

N = 60
FIGURES: dict[str, tuple[Callable[[Ints, int], float], type]] = {
    "hit_rate": (hit_rate, RetrievalHitRate),
    "recall": (recall, RetrievalRecall),
    "mrr": (mrr, RetrievalMRR),
    "ndcg": (ndcg, RetrievalNormalizedDCG),
}


def answers(seed: int) -> tuple[np.ndarray, Ints]:
    """Scores without ties, (300, N + 1), better for targets than for others, and the targets."""
    rng = np.random.default_rng(seed)
    scores = rng.permuted(np.tile(np.arange(N + 1.0), (300, 1)), axis=1)
    targets = rng.integers(1, N + 1, 300)
    scores[np.arange(300), targets] += rng.integers(0, N, 300) + 0.5
    return scores, targets


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("k", CUTOFFS)
def test_a_figure_is_the_librarys(name, k):
    ours, theirs = FIGURES[name]
    scores, targets = answers(k)
    asked = np.repeat(np.arange(len(targets)), N)
    found = theirs(top_k=k)(
        torch.from_numpy(scores[:, 1:].ravel()),
        torch.from_numpy((np.arange(1, N + 1) == targets[:, None]).ravel()),
        indexes=torch.from_numpy(asked),
    )
    assert ours(ranks(scores, targets), k) == pytest.approx(float(found), abs=1e-6)


def test_the_figures_of_an_evaluation_are_those_of_the_metrics():
    found = ranks(*answers(3))
    result = Evaluation("m", np.arange(300), np.ones(300, np.bool_), found).metrics()
    for name, (figure, _) in FIGURES.items():
        for k in CUTOFFS:
            assert result[f"{name}@{k}"] == figure(found, k)


def test_the_skip_auc_of_one_context_is_the_librarys_auroc():
    rng = np.random.default_rng(5)
    for _ in range(20):
        scores = rng.integers(0, 6, 20) / 6  # ties count half in both
        heard = rng.random(20) < 0.5
        heard[:2] = True, False
        (won,), (pairs,) = auc_pairs(scores[None], heard[None], ~heard[None])
        theirs = binary_auroc(torch.from_numpy(scores), torch.from_numpy(heard.astype(np.int64)))
        assert won / pairs == pytest.approx(float(theirs), abs=1e-6)
