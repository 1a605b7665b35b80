"""Serves a bundle: ONNX Runtime sessions from verified bytes, golden answers checked, warmed.

The only file that knows ONNX Runtime. The rules of a ranking are in ranking.py.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .bundle import Bundle, BundleError, open_bundle
from .counts import CountsEngine
from .devices import cuda_devices
from .followers import followers
from .golden import check_golden
from .graph import FLOAT16, with_input_type
from .packing import packed
from .ranking import BundleScorer, Engine, History, Ranking
from .reranking import Perceptron, Reranking, TwoStageEngine
from .second_stage import RERANK
from .settings import ScoringSettings
from .sweep import check_sweep

# It must be said before the import: ONNX Runtime otherwise keeps a device id in the home folder.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime as ort

__all__ = ["BoundEngine", "OnnxEngine", "Ranking", "Scorer", "load_scorer"]

logger = logging.getLogger(__name__)

_ERROR = 3  # ONNX Runtime's log severity


class Scorer(Protocol):
    """Sessions in, ranked tracks out."""

    version: str
    name: str
    bundle: Bundle
    provider: str
    row_seconds: float  # what one session alone takes; infinite until it is warm

    def rank(self, histories: Sequence[History]) -> list[Ranking]:
        """Rank the next tracks of each history; never raises for a row."""

    def warm(self) -> None:
        """Run every batch size once."""


def load_scorer(path: Path, settings: ScoringSettings, sha256: str | None = None) -> Scorer:
    """Open, verify and warm a bundle; what it gives back is ready to serve.

    Raises:
        BundleError: the bundle is damaged, or answers its golden questions differently.
        OSError: a GPU was asked for and there is none that works.
    """
    bundle = open_bundle(path, sha256)
    manifest = bundle.manifest
    if manifest.cutoff < min(settings.k, manifest.catalog_size):
        raise BundleError(
            f"{path} gives {manifest.cutoff} candidates, the setting scoring.k asks for "
            f"{settings.k}; lower it or export the bundle with a larger cutoff"
        )
    engine = make_engine(bundle, settings)
    check_golden(bundle, engine)
    check_sweep(bundle, engine)
    scorer = BundleScorer(
        bundle,
        engine,
        k=settings.k,
        no_session_repeats=settings.no_session_repeats,
        buckets=settings.buckets,
    )
    scorer.warm()
    logger.info(
        "loaded %s %s: %d tracks, %s, provider %s",
        manifest.name, manifest.version, manifest.catalog_size, manifest.architecture,
        engine.provider,
    )  # fmt: skip
    return scorer


def make_engine(bundle: Bundle, settings: ScoringSettings) -> Engine:
    """Choose what computes: counts, the CPU, or the GPU that was asked for or is there.

    A second stage computes on the CPU, where its features are made.
    """
    first, second = _first_stage(bundle, settings), bundle.second_stage
    if second is None:
        return first
    describer = second.describer(np.array([0, *bundle.catalog.counts]))
    return TwoStageEngine(first, Reranking(describer, perceptron(second.graph, settings.threads)))


def _first_stage(bundle: Bundle, settings: ScoringSettings) -> Engine:
    if bundle.encoder is None:
        assert bundle.counts is not None  # open_bundle saw to it
        return CountsEngine(bundle.counts, bundle.catalog, bundle.manifest.cutoff)
    if settings.provider == "cpu":
        return OnnxEngine(bundle, threads=settings.threads)
    devices = cuda_devices()
    if devices:
        try:
            return BoundEngine(bundle, "cuda", threads=settings.threads, buckets=settings.buckets)
        except OSError as err:
            if settings.provider == "cuda":
                raise
            logger.warning("%s; serving on the CPU", err)
    elif settings.provider == "cuda":
        raise OSError(
            "scoring.provider is cuda and no CUDA device answers; use `auto` or `cpu`, or make "
            "the device visible (nvidia-smi must list it)"
        )
    return OnnxEngine(bundle, threads=settings.threads)


class OnnxEngine:
    """Encoder and exact top-k on the CPU.

    Batches are not padded here and arrays are not bound: both were measured to cost more than
    they save, since ONNX Runtime reads numpy memory in place (docs/bundle.md has the numbers).
    """

    provider = "cpu"

    def __init__(self, bundle: Bundle, *, threads: int = 1) -> None:
        self.length = bundle.manifest.length
        self.cutoff = bundle.manifest.cutoff
        self._encoder = _session("encoder.onnx", bundle.encoder, threads, "CPUExecutionProvider")
        self._rank = _session("rank.onnx", bundle.rank, threads, "CPUExecutionProvider")
        self._items = {"matrix": bundle.matrix}
        if bundle.bias is not None:
            self._items["bias"] = bundle.bias
        self._reads = bundle.reads
        self._followers = followers(bundle.counts, len(bundle.catalog))

    def top(
        self, sessions: Sequence[Sequence[tuple[int, int]]], exclude: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Give scores and candidates, both (B, K); the same in any company, to the last digit."""
        if (count := len(sessions)) == 1:  # two workers may answer one event, and with one list
            sessions, exclude = [*sessions, *sessions], np.repeat(exclude, 2, axis=0)  # costs 2 %
        (session,) = self._encoder.run(
            ["session"], packed(sessions, self.length, self._reads)
        )  # (B, D)
        inputs = {"session": session, "exclude": exclude, **self._items}
        if self._followers is not None:
            inputs |= self._followers.inputs(sessions)
        scores, candidates = self._rank.run(["scores", "candidates"], inputs)
        return scores[:count], candidates[:count]


class BoundEngine:
    """The same for a GPU: the matrix resident in fp16, the session never leaving the device.

    Batches are padded to a bucket's size, so that only a few shapes are ever planned. Not yet run
    on a GPU: the tests run it on the CPU. The golden answers are checked on it like anywhere else,
    and `auto` serves on the CPU where it does not start.

    Raises:
        OSError: ONNX Runtime did not take the CUDA provider.
    """

    def __init__(
        self, bundle: Bundle, device: str, *, threads: int, buckets: Sequence[int]
    ) -> None:
        self.provider = device
        self.length = bundle.manifest.length
        self.cutoff = bundle.manifest.cutoff
        self._device = device
        self._buckets = sorted(buckets)
        provider = {"cuda": "CUDAExecutionProvider", "cpu": "CPUExecutionProvider"}[device]
        if provider not in ort.get_available_providers():
            raise OSError(
                f"this ONNX Runtime has no {device.upper()} provider; install onnxruntime-gpu"
            )
        if device == "cuda":
            ort.preload_dlls()
        assert bundle.rank is not None
        assert bundle.matrix is not None
        rank = with_input_type(bundle.rank, "matrix", FLOAT16)
        self._encoder = _session("encoder.onnx", bundle.encoder, threads, provider)
        self._rank = _session("rank.onnx", rank, threads, provider)
        for session in (self._encoder, self._rank):
            if session.get_providers()[0] != provider:
                raise OSError(f"{provider} was asked for, {session.get_providers()} came up")
        self._items = {"matrix": self._resident(bundle.matrix.astype(np.float16))}
        if bundle.bias is not None:
            self._items["bias"] = self._resident(bundle.bias)
        self._reads = bundle.reads
        self._followers = followers(bundle.counts, len(bundle.catalog))

    def top(
        self, sessions: Sequence[Sequence[tuple[int, int]]], exclude: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Give scores and candidates, both (B, K); the batch is padded to a bucket's size."""
        size = len(sessions)
        bucket = next((b for b in self._buckets if b >= size), size)
        padding = bucket - size
        sessions = [*sessions, *[sessions[-1]] * padding]
        encoder = self._encoder.io_binding()
        for name, array in packed(sessions, self.length, self._reads).items():
            encoder.bind_cpu_input(name, array)
        encoder.bind_output("session", self._device)
        self._encoder.run_with_iobinding(encoder)
        rank = self._rank.io_binding()
        rank.bind_ortvalue_input("session", encoder.get_outputs()[0])
        rank.bind_cpu_input("exclude", np.pad(exclude, ((0, padding), (0, 0))))
        for name, value in self._items.items():
            rank.bind_ortvalue_input(name, value)
        if self._followers is not None:
            for name, values in self._followers.inputs(sessions).items():
                rank.bind_cpu_input(name, values)
        rank.bind_output("scores", "cpu")
        rank.bind_output("candidates", "cpu")
        self._rank.run_with_iobinding(rank)
        scores, candidates = rank.copy_outputs_to_cpu()
        return scores[:size], candidates[:size]

    def _resident(self, array: NDArray[Any]) -> ort.OrtValue:
        return ort.OrtValue.ortvalue_from_numpy(array, self._device, 0)


def perceptron(graph: bytes, threads: int = 1) -> Perceptron:
    """Load `rerank.onnx`, on the CPU; BundleError when ONNX Runtime does not take it."""
    session = _session(RERANK, graph, threads, "CPUExecutionProvider")
    return lambda features, context: session.run(
        ["raise"], {"features": features, "context": context}
    )[0]


def _session(file: str, graph: bytes | None, threads: int, provider: str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERROR
    # A spinning thread takes the core that the broker's client needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(graph, options, providers=[provider])
    except Exception as err:  # ONNX Runtime raises its own kinds
        raise BundleError(f"{file} cannot be loaded by ONNX Runtime: {err}", "runtime") from err
