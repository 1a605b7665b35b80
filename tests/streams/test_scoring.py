"""Loading a bundle to serve it: the runtime, its provider, and what it refuses."""

import random
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, numpy_helper

from export.write import write_bundle
from streams import scoring
from streams.bundle import Bundle, BundleError, open_bundle
from streams.graph import with_input_type
from streams.packing import packed
from streams.ranking import BundleScorer
from streams.scoring import BoundEngine, OnnxEngine, load_scorer
from streams.settings import ScoringSettings
from tests.bundles import (
    LENGTH,
    TRACKS,
    catalog,
    counts_files,
    hybrid_files,
    network_files,
    place,
    signed,
    tiny_counts,
    tiny_model,
    tiny_second_stage,
    two_stage_files,
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return open_bundle(place(network_files(), tmp_path_factory.mktemp("network")))


@pytest.mark.parametrize(
    ("files", "name"),
    [
        (network_files, "tiny"),
        (counts_files, "markov"),
        (hybrid_files, "hybrid"),
        (two_stage_files, "two-stage"),
    ],
)
def test_a_loaded_scorer_says_what_it_is(files, name, tmp_path, caplog):
    with caplog.at_level("INFO"):
        scorer = load_scorer(place(files(), tmp_path), ScoringSettings())
    assert (scorer.name, scorer.version, scorer.provider) == (name, "v0", "cpu")
    assert scorer.bundle.manifest.name == name
    assert len(scorer.rank([[("t1", 1)]])[0].items) == 10
    assert f"loaded {name} v0" in caplog.text
    assert "provider cpu" in caplog.text


def test_weights_that_are_not_finite_degrade_the_rows_that_use_them_in_the_real_runtime(
    tmp_path,
):
    model = onnx.load_model_from_string(network_files()["encoder.onnx"])
    (table,) = (t for t in model.graph.initializer if t.name == "outcome_embedding.weight")
    weights = numpy_helper.to_array(table).copy()
    weights[4] = np.nan
    table.CopyFrom(numpy_helper.from_array(weights, table.name))
    files = signed({**network_files(), "encoder.onnx": model.SerializeToString()})
    bundle = open_bundle(place(files, tmp_path))
    rankings = BundleScorer(bundle, OnnxEngine(bundle)).rank([[("t1", 1)], [("t1", 4)]])
    assert [ranking.fallback for ranking in rankings] == [None, "degraded"]
    with pytest.raises(BundleError, match="fails a golden question"):
        load_scorer(tmp_path, ScoringSettings())


@pytest.mark.parametrize(
    ("blended", "second"),
    [(False, False), (True, False), (True, True)],
    ids=["network", "hybrid", "two-stage"],
)
def test_a_session_gets_the_same_list_to_the_last_digit_in_any_company(tmp_path, blended, second):
    """Two workers answer one event where one was cut off, and the promise is one list."""
    out = tmp_path / "wide"
    counted: dict[str, Any] = {"counts": tiny_counts(), "weight": 0.3} if blended else {}
    if second:
        counted["second_stage"] = tiny_second_stage()
    write_bundle(
        out, name="wide", architecture="TinyEncoder", config={"length": LENGTH}, catalog=catalog(),
        model=tiny_model(width=64), metrics={}, training={}, **counted,
    )  # fmt: skip
    scorer = load_scorer(out, ScoringSettings(provider="cpu"))
    rng = random.Random(3)
    histories = [
        [(f"t{rng.randint(1, TRACKS)}", rng.randint(0, 4)) for _ in range(rng.randint(1, 9))]
        for _ in range(40)
    ]
    alone = [scorer.rank([history])[0] for history in histories]
    for size in (2, 3, 7, 8, 40):
        for start in range(0, len(histories), size):
            assert scorer.rank(histories[start : start + size]) == alone[start : start + size]


def test_counts_beside_a_network_raise_what_was_seen_to_follow_and_nothing_else(tmp_path):
    histories = [[("t1", 1)], [("t2", 0), ("t1", 1)], [("t9", 1)]]
    network = load_scorer(place(network_files(), tmp_path / "a"), ScoringSettings(k=100))
    hybrid = load_scorer(place(hybrid_files(), tmp_path / "b"), ScoringSettings(k=100))
    followers = [{"t2", "t3"}, {"t2", "t3", "t7", "t8"}, set()]
    for alone, both, seen in zip(
        network.rank(histories), hybrid.rank(histories), followers, strict=True
    ):
        before, after = dict(alone.items), dict(both.items)
        listed = before.keys() & after.keys()
        assert seen <= {track for track in after if track not in before} | listed
        assert {track for track in listed if after[track] > before[track]} == listed & seen
        assert {track for track in listed if after[track] == before[track]} == listed - seen


def test_a_gpu_that_was_asked_for_and_is_not_there_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "cuda_devices", lambda: 0)
    place(network_files(), tmp_path)
    with pytest.raises(OSError, match="no CUDA device answers"):
        load_scorer(tmp_path, ScoringSettings(provider="cuda"))


def test_auto_serves_on_the_cpu_where_the_gpu_does_not_start(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(scoring, "cuda_devices", lambda: 1)
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    place(network_files(), tmp_path)
    assert load_scorer(tmp_path, ScoringSettings()).provider == "cpu"
    assert "no CUDA provider; install onnxruntime-gpu; serving on the CPU" in caplog.text
    with pytest.raises(OSError, match="no CUDA provider"):
        load_scorer(tmp_path, ScoringSettings(provider="cuda"))


@pytest.mark.parametrize("files", [network_files, hybrid_files])
@pytest.mark.parametrize("batch", [1, 2, 8, 9])
def test_bound_and_padded_batches_rank_as_plain_ones_within_half_precision(
    files, batch, monkeypatch, tmp_path
):
    """The GPU's engine, run on the CPU: everything of it but CUDA itself."""
    bundle = open_bundle(place(files(), tmp_path))
    sizes: list[int] = []

    def counted(sessions: list[list[tuple[int, int]]], length: int, reads: Any) -> dict[str, Any]:
        sizes.append(len(sessions))
        return packed(sessions, length, reads)

    monkeypatch.setattr(scoring, "packed", counted)
    bound = BoundEngine(bundle, "cpu", threads=1, buckets=(1, 8))
    sessions = [[(item, item % 5) for item in range(row + 1, row + 4)] for row in range(batch)]
    exclude = np.array([[session[-1][0]] for session in sessions])
    scores, candidates = bound.top(sessions, exclude)
    assert sizes == [{1: 1, 2: 8, 8: 8, 9: 9}[batch]]
    plain, _ = OnnxEngine(bundle).top(sessions, exclude)
    assert scores.shape == candidates.shape == (batch, 100)
    np.testing.assert_allclose(scores, plain, atol=5e-2)
    assert not (candidates == exclude).any()


def test_the_ranking_graph_takes_a_matrix_in_half_precision(bundle):
    assert bundle.rank is not None
    assert bundle.matrix is not None
    graph = with_input_type(bundle.rank, "matrix", TensorProto.FLOAT16)
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    query = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
    scores, candidates = session.run(
        None,
        {
            "session": query,
            "matrix": bundle.matrix.astype(np.float16),
            "bias": bundle.bias,
            "exclude": np.array([[5], [6], [7]]),
        },
    )
    exact = query @ bundle.matrix.T + bundle.bias
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, np.take_along_axis(exact, candidates, 1), atol=2e-2)
    assert not {0, 5} & set(candidates[0].tolist())
