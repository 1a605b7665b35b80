"""A block of torch whose numbers depend on its seed alone, and leave no trace behind."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def reproducible(seed: int, threads: int) -> Iterator[None]:
    """Pin torch's randomness and its threads, and give both back as they were."""
    before = torch.get_num_threads()
    devices = range(torch.cuda.device_count())
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
