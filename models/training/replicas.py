"""Processes that train one model together, as torchrun starts them.

Each holds the whole model and learns from its share of every batch; the gradients are averaged, so
that all take the same step. The first process alone validates, and writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class Replicas:
    """This process among those that train together; alone if nothing else is said."""

    number: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that validates and writes."""
        return self.number == 0

    def share(self, rows: Tensor) -> Tensor:
        """Give this process's part of a batch's row numbers, (B,); it may be empty."""
        return rows[self.number :: self.count]

    def average(self, gradients: Iterable[Tensor], loss: float, weight: float) -> float:
        """Average the gradients in place, weighed, and give the loss averaged likewise.

        With the number of targets as `weight` a mean over the whole batch is what comes out. All
        processes give gradients of the same shapes.
        """
        if self.count == 1:
            return loss
        found = list(gradients)
        device = found[0].device
        tail = torch.tensor([loss * weight, weight], device=device)
        sums = torch.cat([*(gradient.flatten() * weight for gradient in found), tail])
        dist.all_reduce(sums)
        total = sums[-1].clamp(min=1)
        sums /= total
        start = 0
        for gradient in found:
            gradient.copy_(sums[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()
        return float(sums[-2])

    def agreed(self, value: float) -> float:
        """Give what the first process says, to all."""
        return float(self.same(torch.tensor(value, dtype=torch.float64)))

    def same(self, value: Tensor) -> Tensor:
        """Give the first process's tensor, to all."""
        if self.count > 1:
            dist.broadcast(value, 0)
        return value

    def gathered(self, value: Tensor) -> Tensor:
        """Stack a tensor of every process, (...) -> (P, ...)."""
        if self.count == 1:
            return value[None]
        found = [torch.empty_like(value) for _ in range(self.count)]
        dist.all_gather(found, value)
        return torch.stack(found)


ALONE = Replicas()


@contextmanager
def joined_replicas(environment: Mapping[str, str]) -> Iterator[Replicas]:
    """Join the processes that torchrun has started; without it, be alone."""
    if int(environment.get("WORLD_SIZE", 1)) == 1:
        yield ALONE
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(environment["LOCAL_RANK"]))
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Replicas(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
