from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from export.blend import Blend
from export.parity import BATCHES, Parity, compared, prove_parity
from streams.bundle import Bundle, BundleError, open_bundle
from streams.ranking import Engine
from streams.scoring import OnnxEngine
from tests.bundles import LENGTH, hybrid_files, network_files, place, tiny_model

Sessions = Sequence[Sequence[tuple[int, int]]]
Scores = NDArray[np.float32]
Items = NDArray[np.int64]
Change = Callable[[Scores, Items, Items], tuple[Scores, Items]]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return open_bundle(place(network_files(), tmp_path_factory.mktemp("bundle")))


class Changed:
    """The real engine with its answers changed."""

    provider = "cpu"
    length = LENGTH
    cutoff = 100

    def __init__(self, bundle: Bundle, change: Change) -> None:
        self._engine, self._change = OnnxEngine(bundle), change

    def top(self, sessions: Sessions, exclude: Items) -> tuple[Scores, Items]:
        scores, candidates = self._engine.top(sessions, exclude)
        return self._change(scores.copy(), candidates.copy(), exclude)


def prove(bundle: Bundle, engine: Engine, model: nn.Module | None = None) -> Parity:
    assert bundle.matrix is not None
    return prove_parity(model or tiny_model(), engine, bundle.matrix, bundle.bias)


def test_a_faithful_export_has_parity_at_every_batch_and_length(bundle):
    parity = prove(bundle, OnnxEngine(bundle))
    assert parity.cases == LENGTH * sum(BATCHES)
    assert 0 < parity.worst <= 1e-5


def test_a_hybrid_has_parity_with_the_definition_of_its_blend(tmp_path):
    bundle = open_bundle(place(hybrid_files(), tmp_path))
    assert bundle.matrix is not None
    assert bundle.counts is not None
    arguments = tiny_model(), OnnxEngine(bundle), bundle.matrix, bundle.bias
    assert prove_parity(*arguments, blend=Blend(bundle.counts, 3.0)).worst <= 1e-5
    with pytest.raises(BundleError, match=r"no parity: item \d+ scores"):
        prove_parity(*arguments, blend=Blend(bundle.counts, 3.1))
    with pytest.raises(BundleError, match=r"no parity: item \d+ scores"):
        prove_parity(*arguments)


def test_another_model_has_no_parity(bundle):
    with pytest.raises(BundleError, match=r"no parity: item \d+ scores .* at T=1"):
        prove(bundle, OnnxEngine(bundle), tiny_model(seed=1))


def test_a_difference_at_full_length_alone_is_found(bundle):
    class Forgetful(nn.Module):
        """Reads one occurrence less when the session is full."""

        def __init__(self) -> None:
            super().__init__()
            self.model = tiny_model()

        def forward(
            self, items: torch.Tensor, outcomes: torch.Tensor, lengths: torch.Tensor
        ) -> torch.Tensor:
            session: torch.Tensor = self.model(items, outcomes, lengths.clamp(max=LENGTH - 1))
            return session

    with pytest.raises(BundleError, match=f"T={LENGTH}"):
        prove(bundle, OnnxEngine(bundle), Forgetful())


def a_score_off(scores: Scores, candidates: Items, exclude: Items) -> tuple[Scores, Items]:
    scores[-1, 3] += 2e-4
    return scores, candidates


def the_best_left_out(scores: Scores, candidates: Items, exclude: Items) -> tuple[Scores, Items]:
    return scores[:, 1:], candidates[:, 1:]


def one_twice(scores: Scores, candidates: Items, exclude: Items) -> tuple[Scores, Items]:
    candidates[:, 1], scores[:, 1] = candidates[:, 0], scores[:, 0]
    return scores, candidates


def the_masked_one(scores: Scores, candidates: Items, exclude: Items) -> tuple[Scores, Items]:
    candidates[:, 0] = exclude[:, 0]
    return scores, candidates


def not_a_number(scores: Scores, candidates: Items, exclude: Items) -> tuple[Scores, Items]:
    scores[0, 0] = np.nan
    return scores, candidates


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (a_score_off, "expected a difference of at most 0.0001"),
        (the_best_left_out, "is no candidate"),
        (one_twice, "masked item or one twice"),
        (the_masked_one, "masked item or one twice"),
        (not_a_number, "scores nan in ONNX Runtime"),
    ],
)
def test_a_wrong_answer_is_refused_with_its_case(change, message, bundle):
    with pytest.raises(BundleError, match=message):
        prove(bundle, Changed(bundle, change))


def test_equal_scores_may_be_cut_in_any_order():
    expected = np.full(8, 3.0, dtype=np.float32)
    expected[[0, 5]] = -np.inf, 4.0
    scores = np.array([4, 3, 3], dtype=np.float32)
    for candidates in ([5, 1, 2], [5, 7, 4]):
        assert compared(expected, scores, np.array(candidates), "here", 1e-4) == 0
    with pytest.raises(BundleError, match="is no candidate"):
        compared(expected, scores[1:], np.array([6, 3]), "here", 1e-4)


def test_a_model_that_is_not_finite_is_refused(bundle):
    model = tiny_model()
    with torch.no_grad():
        model.outcome_embedding.weight[2] = torch.nan
    with pytest.raises(BundleError, match="torch itself gives a score that is not finite"):
        prove(bundle, OnnxEngine(bundle), model)
