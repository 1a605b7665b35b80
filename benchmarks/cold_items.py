"""How well tracks are placed that a model never saw: `segue bench cold-items`.

A share of the tracks that bundle and file both know is taken for cold: their rows are made of the
file alone, the encoder reads their nearest known track, and the test sessions (`--part valid`:
those of validation) are asked for them, through the engine that serves. The bundle's own rows stand
beside that, as what training would have given, and the mean of all rows, as what knows nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from models.data.sources import open_source
from models.evaluation.bootstrap import Resamples
from models.evaluation.evaluate import evaluate
from models.evaluation.evaluation import Evaluation
from models.evaluation.rankers import BundleRanker
from models.items.cold_tracks import Floats, Ints, Placing
from models.items.extension import known_items, placed_in
from models.items.item_start import check_split
from models.items.track_embeddings import TrackEmbeddings, read_embeddings
from models.split import Split
from streams.bundle import Bundle, open_bundle
from streams.scoring import make_engine
from streams.settings import ScoringSettings

from .machine import provenance, write_result

WAYS: tuple[Placing, ...] = ("neighbours", "map")
FIGURES = ("hit_rate@10", "hit_rate@20", "mrr@20")


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, print and keep the result."""
    parser = argparse.ArgumentParser(prog="segue bench cold-items", description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--items", type=Path, required=True, help="the file of track embeddings")
    parser.add_argument("--data", required=True, help="NAME:PATH that the bundle was trained on")
    parser.add_argument("--share", type=float, default=0.2, help="of known tracks, taken for cold")
    parser.add_argument("--seed", type=int, default=0, help="of which tracks those are")
    parser.add_argument("--part", choices=("test", "valid"), default="test", help="who is asked")
    parser.add_argument("--out", type=Path, default=Path(".segue/cold_items.json"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    bundle, embeddings = open_bundle(options.bundle), read_embeddings(options.items)
    split = Split.of(bundle.manifest.training)
    if warning := check_split(embeddings, split):
        print(f"segue: {warning}", file=sys.stderr)
    rng = np.random.default_rng(options.seed)
    known = rng.permutation(known_items(bundle, embeddings))
    cold = np.sort(known[: int(options.share * len(known))])
    if not len(cold) or len(cold) > len(known) - 2:
        raise ValueError(f"--share {options.share} of {len(known)} known tracks leaves none to ask")
    kept = np.setdiff1d(known, cold)
    rankers = [
        _ranker(bundle, "own rows"),
        *(_ranker(as_if_cold(bundle, embeddings, kept, cold, way), way) for way in WAYS),
        _ranker(_mean_rows(bundle, kept, cold), "mean row"),
    ]
    source = open_source(options.data)
    parts = split.parts(split.kept(source.load()))
    asked = parts.test if options.part == "test" else parts.valid
    test = asked.reindexed(bundle.catalog.track_ids)
    counts = np.array([0, *bundle.catalog.counts], dtype=np.int64)
    print(
        f"asking {len(rankers)} rankers about {len(test)} {options.part} sessions", file=sys.stderr
    )
    found = evaluate(rankers, test, counts, ranks_only=True)
    result = {
        **provenance(["segue", "bench", "cold-items", *(arguments or sys.argv[3:])]),
        "data": {"name": source.name, "simulated": source.simulated},
        "part": options.part,
        "tracks": {"known": len(known), "cold": len(cold)},
        "rows": _rows(found, cold),
    }
    write_result(options.out, result)
    print(json.dumps(result) if options.json else _table(result["rows"]))
    return 0


def as_if_cold(
    bundle: Bundle, embeddings: TrackEmbeddings, kept: Ints, cold: Ints, by: Placing
) -> Bundle:
    """Give the bundle with the rows of `cold` items made of the file and the `kept` ones."""
    tracks = [bundle.catalog.track_ids[item - 1] for item in cold.tolist()]
    placed = placed_in(bundle, embeddings, kept, embeddings.rows(tracks), by)
    return _replaced(bundle, cold, placed.rows, kept[placed.nearest])


def _mean_rows(bundle: Bundle, kept: Ints, cold: Ints) -> Bundle:
    assert bundle.matrix is not None
    columns = [bundle.matrix] if bundle.bias is None else [bundle.matrix, bundle.bias[:, None]]
    mean = np.concatenate(columns, axis=1)[kept].mean(axis=0)
    return _replaced(bundle, cold, np.tile(mean, (len(cold), 1)), None)


def _replaced(bundle: Bundle, cold: Ints, rows: Floats, reads: Ints | None) -> Bundle:
    assert bundle.matrix is not None
    matrix, width = bundle.matrix.copy(), bundle.manifest.width
    matrix[cold] = rows[:, :width]
    bias = None if bundle.bias is None else bundle.bias.copy()
    if bias is not None:
        bias[cold] = rows[:, width]
    read = np.arange(len(matrix), dtype=np.int64) if bundle.reads is None else bundle.reads.copy()
    if reads is not None:
        read[cold] = reads
    return replace(bundle, matrix=matrix, bias=bias, reads=read)


def _ranker(bundle: Bundle, name: str) -> BundleRanker:
    ranker = BundleRanker(bundle, make_engine(bundle, ScoringSettings(provider="cpu")))
    ranker.name = name
    return ranker


def _rows(found: Sequence[Evaluation], cold: Ints) -> list[dict[str, Any]]:
    """Figures over the targets that are cold, those over all beside them, and intervals."""
    chosen = np.isin(np.asarray(found[0].target), cold)
    asked = [evaluation.of(chosen) for evaluation in found]
    resamples = Resamples(asked[0].session, np.random.default_rng(0))
    hits = [(part.ranks <= 10).astype(np.float64) for part in asked]
    rows = []
    for whole, part, hit in zip(found, asked, hits, strict=True):
        cold_figures, all_figures = part.metrics(), whole.metrics()
        gained = resamples.interval(hits[1], hit)  # of the neighbours
        rows.append(
            {
                "rows": part.model,
                "cold": {name: cold_figures[name] for name in FIGURES},
                "targets": cold_figures["targets"],
                "all": {name: all_figures[name] for name in FIGURES},
                "neighbours_over_it_hit_rate@10": gained and gained._asdict(),
            }
        )
    return rows


def _table(rows: Sequence[dict[str, Any]]) -> str:
    lines = ["rows".ljust(12) + "".join(f"{name:>14}" for name in FIGURES) + "  all HR@10"]
    lines += [
        f"{row['rows']:12}"
        + "".join(f"{row['cold'][name]:14.4f}" for name in FIGURES)
        + f"{row['all']['hit_rate@10']:11.4f}"
        for row in rows
    ]
    return "\n".join(lines)
