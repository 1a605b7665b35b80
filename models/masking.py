"""Which tracks of a training row are hidden, for encoders that see both ways (the cloze task).

Seshadri & Knees (2023, section 3.3.2), after Sun et al. (arXiv:1904.06690, section 3.6). Only the
draw is here; what is learned of the hidden tracks is objective.py's to say.
"""

from __future__ import annotations

import torch
from torch import Tensor


def drawn_hidden(
    items: Tensor, masked: float, last_masked: float, generator: torch.Generator
) -> Tensor:
    """Draw what is hidden of right-padded rows, (B, L) -> (B, L).

    A share `last_masked` of the rows hides its last track alone, which is what ranking asks for.
    The others hide each track with probability `masked`, and the last one if none was drawn. The
    first track never is: nothing comes before it. `generator` is on the CPU.
    """
    real = items > 0
    place = torch.arange(items.shape[1], device=items.device)
    last = place == real.sum(dim=1, keepdim=True) - 1  # (B, L)
    chance = torch.rand(items.shape, generator=generator).to(items.device)
    alone = (torch.rand(len(items), 1, generator=generator) < last_masked).to(items.device)
    hidden = real & (chance < masked) & (place > 0)
    alone = alone | ~hidden.any(dim=1, keepdim=True)
    return torch.where(alone, last & (place > 0), hidden)
