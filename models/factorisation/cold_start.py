"""Recommendations for somebody new, from a few tracks that they name.

Ibero, Pérez & Martínez (UPC, 2021), section 7: without the user as a field a machine learns which
item follows which, so one liked item is enough to ask it. Several are asked for one by one and the
answers averaged, which the paper leaves as future work.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .files import Machine

FIELDS = ("previous",)


def recommended(machine: Machine, liked: Sequence[int], count: int) -> list[tuple[int, float]]:
    """Rows of the catalog and their scores, the best first, without the liked ones.

    Raises:
        ValueError: the machine has other fields, or nothing is liked or left.
    """
    if machine.fields != FIELDS:
        raise ValueError(
            f"the machine reads {', '.join(machine.fields)}, expected {FIELDS[0]} alone: train one "
            "for people it has not met with `segue fm train --new-people`"
        )
    rows = np.unique(np.asarray(liked, np.int64))
    if not len(rows) or len(rows) == len(machine.catalog):
        raise ValueError(f"{len(rows)} of {len(machine.catalog)} tracks are liked: name a few")
    # Feature 0 says that there was no track before, so that item i as a context is feature i + 1.
    scores = machine.scorer.scores((rows + 1)[:, None], rows).mean(axis=0)
    scores[rows] = -np.inf
    best = np.argsort(-scores, kind="stable")[: min(count, len(scores) - len(rows))]
    return [(row, float(scores[row])) for row in best.tolist()]
