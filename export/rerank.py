"""The graph of a second stage, `rerank.onnx`, built by hand from the perceptron's weights.

What the perceptron is, and how it is fitted: models/second_stage/rerank.py.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from streams.bundle import BundleError
from streams.candidates import CONTEXT, FEATURES
from streams.scoring import perceptron

from .onnx import IR, OPSET

TOLERANCE = 1e-4
_SIZES = ((1, 2), (2, 100), (64, 100))  # B, K


class Perceptron(Protocol):
    """A module with the weights that the graph is made of."""

    span: float  # standard deviations beyond which a feature says no more

    def raised(self, features: Tensor, context: Tensor) -> Tensor:
        """Features (n, K, F), context (n, G) -> what is added to the scores, (n, K)."""

    def state_dict(self) -> dict[str, Tensor]:
        """mean, deviation (F + G,); weights candidate (W, F), session (W, G), hidden, output."""


def rerank_graph(model: Perceptron) -> bytes:
    """Give `rerank.onnx`: features (B, K, F) and context (B, G) -> raise (B, K); B, K are free.

    Raises:
        BundleError: the weights are not finite, or the graph computes otherwise than torch.
    """
    weights = {name: part.cpu().numpy() for name, part in model.state_dict().items()}
    for name, values in weights.items():
        if not np.isfinite(values).all():
            raise BundleError(f"weights {name!r} of the second stage are not finite: train again")
    node = helper.make_node
    nodes = [
        *(
            made
            for part in ("features", "context")
            for made in (
                node("Sub", [part, f"{part}_mean"], [f"{part}_centred"]),
                node("Div", [f"{part}_centred", f"{part}_deviation"], [f"{part}_scaled"]),
                node("Clip", [f"{part}_scaled", "least", "most"], [f"{part}_standard"]),
            )
        ),
        node("MatMul", ["features_standard", "candidate"], ["product"]),  # (B, K, W)
        node("MatMul", ["context_standard", "session"], ["session_product"]),  # (B, W)
        node("Add", ["session_product", "candidate_bias"], ["session_sum"]),
        node("Unsqueeze", ["session_sum", "axis_1"], ["of_session"]),  # (B, 1, W)
        node("Add", ["product", "of_session"], ["sum"]),
        node("Gelu", ["sum"], ["first"]),
        node("MatMul", ["first", "hidden"], ["hidden_product"]),
        node("Add", ["hidden_product", "hidden_bias"], ["hidden_sum"]),
        node("Gelu", ["hidden_sum"], ["second"]),
        node("MatMul", ["second", "output"], ["curved"]),  # (B, K, 1)
        node("MatMul", ["features_standard", "linear"], ["straight"]),
        node("Add", ["curved", "straight"], ["column"]),
        node("Squeeze", ["column", "axis_2"], ["raise"]),
    ]
    tables: dict[str, NDArray[np.generic]] = {
        "features_mean": weights["mean"][:FEATURES],
        "features_deviation": weights["deviation"][:FEATURES],
        "context_mean": weights["mean"][FEATURES:],
        "context_deviation": weights["deviation"][FEATURES:],
        "candidate_bias": weights["candidate.bias"],
        "hidden_bias": weights["hidden.bias"],
        **{
            name: np.ascontiguousarray(weights[f"{name}.weight"].T)
            for name in ("candidate", "session", "hidden", "output", "linear")
        },
        "least": np.array(-model.span, np.float32),
        "most": np.array(model.span, np.float32),
        "axis_1": np.array([1]),
        "axis_2": np.array([2]),
    }
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "rerank",
        [
            value("features", TensorProto.FLOAT, ["B", "K", FEATURES]),
            value("context", TensorProto.FLOAT, ["B", CONTEXT]),
        ],
        [value("raise", TensorProto.FLOAT, ["B", "K"])],
        [numpy_helper.from_array(table, name) for name, table in tables.items()],
    )
    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR, producer_name="segue"
    )
    onnx.checker.check_model(made, full_check=True)
    raw: bytes = made.SerializeToString(deterministic=True)
    _prove(model, raw, weights["mean"], weights["deviation"])
    return raw


def _prove(
    model: Perceptron, raw: bytes, mean: NDArray[np.float32], deviation: NDArray[np.float32]
) -> None:
    """Compare with torch, on features as they may be and beyond what they may be."""
    served, rng = perceptron(raw), np.random.default_rng(0)
    for rows, count in _SIZES:
        drawn = (
            rng.normal(mean[part], 3 * deviation[part], shape).astype(np.float32)
            for part, shape in (
                (slice(FEATURES), (rows, count, FEATURES)),
                (slice(FEATURES, None), (rows, CONTEXT)),
            )
        )
        features, context = drawn
        with torch.no_grad():
            expected = model.raised(torch.from_numpy(features), torch.from_numpy(context)).numpy()
        differences = np.abs(served(features, context) - expected)
        worst = float(np.nan_to_num(differences, nan=np.inf).max())
        if worst > TOLERANCE * max(1.0, float(np.abs(expected).max())):
            raise BundleError(
                f"no parity: the second stage differs by {worst} in ONNX Runtime and torch ({rows} "
                f"sessions, {count} candidates), expected at most {TOLERANCE}; check the versions"
            )
