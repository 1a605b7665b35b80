"""Full ranking against a plain one, playlist by playlist."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.graphs.edge_split import split_edges
from models.graphs.evaluation import rank, roc_auc, tell_apart

from .small import graph_of, matrix, random_graph


def plainly(scores: np.ndarray, hidden: list[int], k: int) -> tuple[float, float]:
    """Recall and NDCG of one playlist, as LightGCN's authors define them."""
    top = np.argsort(-scores)[:k].tolist()
    gains = [1 / np.log2(i + 2) for i, track in enumerate(top) if track in hidden]
    ideal = sum(1 / np.log2(i + 2) for i in range(min(k, len(hidden))))
    return len(gains) / len(hidden), sum(gains) / ideal


@given(st.integers(0, 200), st.integers(1, 8), st.booleans())
def test_figures_are_those_of_a_plain_ranking(seed, k, masked):
    split = split_edges(random_graph(seed, 12, 10), seed)
    known, hidden = split.train, split.valid
    embedded = torch.randn(22, 4, generator=torch.Generator().manual_seed(seed))
    expected = []
    for playlist in range(12):
        if len(hidden.row(playlist)):
            scores = (embedded[playlist] @ embedded[12:].T).numpy()
            if masked:
                scores[known.row(playlist)] = -np.inf
            expected.append(plainly(scores, hidden.row(playlist).tolist(), k))
    found = rank(embedded, known, hidden, k, masked=masked).metrics([k])
    assert found[f"recall@{k}"] == pytest.approx(np.mean([pair[0] for pair in expected]))
    assert found[f"ndcg@{k}"] == pytest.approx(np.mean([pair[1] for pair in expected]))


def test_one_score_for_every_track_finds_nothing():
    known, hidden = graph_of([[0]], 5), graph_of([[1, 2]], 5)
    assert rank(torch.zeros(6, 2), known, hidden, 2).metrics([1, 2])["recall@2"] == 0


def test_a_cutoff_of_every_track_finds_all():
    known, hidden = graph_of([[0]], 5), graph_of([[1, 2]], 5)
    assert rank(torch.randn(6, 2), known, hidden, 5).metrics([5])["recall@5"] == 1


def test_what_cannot_be_ranked_is_refused():
    known, hidden = graph_of([[0]], 5), graph_of([[1]], 5)
    with pytest.raises(ValueError, match=r"1\.\.5"):
        rank(torch.zeros(6, 2), known, hidden, 6)
    with pytest.raises(ValueError, match="hides a track"):
        rank(torch.zeros(6, 2), known, graph_of([[]], 5), 2)
    with pytest.raises(FloatingPointError, match="finite"):
        rank(torch.full((6, 2), torch.nan), known, hidden, 2)


def test_the_area_is_the_share_of_pairs_won_ties_by_half():
    positive, negative = np.array([3.0, 1.0]), np.array([1.0, 0.0])
    assert roc_auc(positive, negative) == (1 + 1 + 0.5 + 1) / 4


def test_edges_that_are_scored_above_all_others_are_told_apart():
    graph = random_graph(5)
    # Playlists are unit vectors, and a track's embedding says who has it.
    embedded = torch.cat([torch.eye(30), torch.from_numpy(matrix(graph).T).float() * 9])
    told = tell_apart(embedded, graph, graph, "bpr", 0)
    assert told.roc_auc == 1
    assert told.loss < 0.001
