"""How a bundle ranks the sessions that its own training never saw, beside the baselines.

The bundle is asked through the Scorer that serves it; which sessions are unseen, its manifest says.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..counting.baselines import Markov, MostPopular
from ..data.sources import Source
from ..questions import ProtocolName
from ..split import Split
from .evaluate import evaluate
from .evaluation import Evaluation
from .rankers import BundleRanker


def evaluate_bundle(
    path: Path,
    source: Source,
    protocol: ProtocolName = "next-track",
    *,
    threads: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Evaluation]:
    """Rank the test sessions of a bundle's own split by it, as served, and by the baselines.

    Raises:
        BundleError: the bundle cannot be served.
        ValueError: it was trained on other data.
    """
    ranker = BundleRanker.at(path, threads=threads)
    split = Split.of(ranker.bundle.manifest.training)
    if split.data != source.name:
        raise ValueError(
            f"{path} was trained on {split.data!r}, got {source.name!r}: which of its sessions are "
            "unseen is not known; give the data set it was trained on"
        )
    parts = split.parts(split.kept(source.load()))
    catalog = ranker.bundle.catalog
    train_sessions = parts.train.reindexed(catalog.track_ids)
    return evaluate(
        [ranker, MostPopular.fit(train_sessions), Markov.fit(train_sessions)],
        parts.test.reindexed(catalog.track_ids),
        np.array([0, *catalog.counts], dtype=np.int64),
        protocol,
        progress=progress,
    )
