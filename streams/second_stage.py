"""What a bundle holds of a second stage, which puts the candidates of the first in a new order.

A perceptron over the features of a candidate and of its session (candidates.py) says how much a
candidate's score is raised: `rerank.onnx`. How it ranks is in reranking.py, how it is fitted in
models/second_stage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .candidates import CONTEXT, FEATURES, VERSION, Describer
from .continuations import CONTINUATIONS, Continuations
from .graph import FLOAT, Ports
from .manifest import BundleError, Manifest, SecondStageRecord

RERANK = "rerank.onnx"
FILES = (RERANK, CONTINUATIONS)


@dataclass(frozen=True, eq=False)
class SecondStage:
    """The graph, and what its features are made of beside the session and the plays."""

    graph: bytes  # rerank.onnx
    continuations: Continuations
    skips: NDArray[np.float32]  # (N + 1,) logits of the tracks' skip rates; [0] of all
    candidates: int  # K that it was fitted on

    def grown(self, tracks: int) -> SecondStage:
        """Give it for a catalog of so many tracks: the new ones are skipped as all are."""
        new = np.full(tracks + 1 - len(self.skips), self.skips[0], np.float32)
        return replace(self, skips=np.concatenate([self.skips, new]))

    def describer(self, plays: NDArray[np.integer]) -> Describer:
        """Give what tells of candidates; `plays` (N + 1,)."""
        return Describer(self.continuations, plays, self.skips)

    def record(self) -> SecondStageRecord:
        """Give what the manifest says of it."""
        return SecondStageRecord(features=VERSION, candidates=self.candidates)


def check_record(manifest: Manifest, files: set[str]) -> None:
    """Refuse a manifest that says one thing of a second stage and names the files of another.

    Raises:
        BundleError: so it is, or its features are not those that are told here.
    """
    record = manifest.second_stage or None
    if len(files.intersection(FILES)) != (0 if record is None else len(FILES)):
        raise BundleError(
            f"manifest.json names {sorted(files)} and {'no' if record is None else 'a'} second "
            f"stage, expected {' and '.join(FILES)} with one and neither without; export it again",
            "manifest",
        )
    if record is None:
        return
    if record.features != VERSION:
        raise BundleError(
            f"the second stage reads features of version {record.features}, this version tells "
            f"{VERSION}; train it again, or upgrade the reader",
            "manifest",
        )
    if manifest.cutoff > record.candidates:
        raise BundleError(
            f"the second stage was fitted on {record.candidates} candidates, the cutoff is "
            f"{manifest.cutoff}; export it again",
            "manifest",
        )


def rerank_ports() -> tuple[Ports, Ports]:
    """Inputs and outputs that `rerank.onnx` must have."""
    inputs = {"features": (FLOAT, ("B", "K", FEATURES)), "context": (FLOAT, ("B", CONTEXT))}
    return inputs, {"raise": (FLOAT, ("B", "K"))}
