"""A bundle to measure time with: the default SASRec, untrained, so that its quality means nothing.

Run as `python -m benchmarks.stand_in DIR TRACKS`, in a process of its own, which keeps torch out of
the one that measures.
"""

from __future__ import annotations

import sys
from pathlib import Path

NAME = "stand-in"


def track_ids(tracks: int) -> tuple[str, ...]:
    """Ids of a catalog of so many tracks; of the length that real ones have."""
    return tuple(f"t_00000000-0000-4000-8000-{number:012d}" for number in range(1, tracks + 1))


def write(out: Path, tracks: int) -> None:
    """Write the bundle."""
    import torch

    from export.write import write_bundle
    from models.encoders.sasrec import SASRec, SASRecConfig
    from streams.catalog import Catalog

    torch.manual_seed(0)
    torch.set_num_threads(1)
    config = SASRecConfig(items=tracks)
    write_bundle(
        out,
        name=NAME,
        architecture="sasrec",
        config=vars(config),
        catalog=Catalog(track_ids(tracks), tuple(range(tracks, 0, -1))),
        model=SASRec(config).eval(),
        length=config.length,
        metrics={},
        training={"source": "none: the weights are untrained"},
    )


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
