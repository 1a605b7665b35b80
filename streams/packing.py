"""Sessions of any length as the rectangular arrays that an encoder reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def packed(
    sessions: Sequence[Sequence[tuple[int, int]]],
    length: int,
    reads: NDArray[np.int64] | None = None,
) -> dict[str, NDArray[np.int64]]:
    """Give the encoder's inputs: the last `length` occurrences of each session, right-padded.

    `reads` (N + 1,) has the item that stands for each, where the encoder does not know all.
    """
    newest = [session[-length:] for session in sessions]
    padding = [[(0, 0)] * (length - len(session)) for session in newest]
    table = np.array(
        [[*session, *rest] for session, rest in zip(newest, padding, strict=True)], dtype=np.int64
    )  # (B, T, 2)
    items = table[:, :, 0]
    return {
        "items": np.ascontiguousarray(items) if reads is None else reads[items],
        "outcomes": np.ascontiguousarray(table[:, :, 1]),
        "lengths": np.array([len(session) for session in newest], dtype=np.int64),
    }
