"""Which tracks of a training row are hidden, for encoders that see both ways (the cloze task).

Seshadri & Knees (2023, section 3.3.2), after Sun et al. (arXiv:1904.06690, section 3.6). Only the
draw is here; what is learned of the hidden tracks is objective.py's to say.
"""

from __future__ import annotations

import torch
from torch import Tensor


def drawn_hidden(
    items: Tensor, masked: float, last_masked: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw what is read and what is hidden of right-padded rows, (B, L) -> (B, L), (B, L).

    A share `last_masked` of the rows is read up to a track anywhere in it, and that one is hidden
    alone: what ranking asks for, of sessions that have just begun too. Of the others all is read,
    and each track hidden with probability `masked`, or the last one if none was drawn. The first
    track never is: nothing comes before it. `generator` is on the CPU.
    """
    real = items > 0
    lengths = real.sum(dim=1, keepdim=True)
    place = torch.arange(items.shape[1], device=items.device)
    chance = torch.rand(items.shape, generator=generator).to(items.device)
    asked = (torch.rand(len(items), 1, generator=generator) < last_masked).to(items.device)
    drawn = torch.rand(len(items), 1, generator=generator).to(items.device)
    last = torch.where(asked, 1 + (drawn * (lengths - 1)).long(), lengths - 1)  # (B, 1)
    hidden = real & (chance < masked) & (place > 0)
    alone = asked | ~hidden.any(dim=1, keepdim=True)
    hidden = torch.where(alone, real & (place == last) & (place > 0), hidden)
    return real & (place <= last), hidden
