"""The whole of `segue chaos models`: the many in this process, one of each kind at a worker's."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .announced import announce_each
from .models import Progress, Trial, run_trial
from .subject import stand_in_bundle

TRACKS = 1500


def run(
    count: int, seed: int, bundle: Path | None, bootstrap: str | None, progress: Progress
) -> dict[str, Any]:
    """Judge them; `kept` is False when a damaged one would serve, or the old one serves not on.

    Raises:
        BundleError: the bundle that is to be damaged is not sound.
        BrokerError: no broker, or the worker ended.
        ValueError: the bundle holds no network.
    """
    with tempfile.TemporaryDirectory(prefix="segue-chaos-") as name, _silence():
        folder = Path(name)
        if bundle is None:
            progress("make a bundle", 0, 0)
            bundle = stand_in_bundle(folder, TRACKS)
        trial = Trial(bundle, folder)
        result, kinds = run_trial(trial, count, seed, progress)
        worker = announce_each(trial, kinds, folder, bootstrap, progress)
    kept = (
        result["sound_copy_serves"]
        and not result["served"]
        and not worker["served"]
        and worker["serves_on"]
        and worker["kept"]
    )
    return {**result, "worker": worker, "kept": kept}


@contextmanager
def _silence() -> Iterator[None]:
    """A refusal is a warning of the follower's; a thousand of them are the result."""
    logger = logging.getLogger("streams")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
