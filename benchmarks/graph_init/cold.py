"""Sessions from which some tracks are withheld: a graph knows them, the sequence model does not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from models.encoders.encoder import Encoder
from models.evaluation.evaluate import evaluate
from models.evaluation.rankers import NeuralRanker
from models.items.cold_tracks import place
from models.items.track_embeddings import TrackEmbeddings
from models.questions import Ints
from models.recipe import Prepared
from models.sessions import Sessions


@dataclass(frozen=True, eq=False)
class Withheld:
    """A data set of which a model learns the warm tracks; cold ones follow them in the catalog."""

    train: Sessions  # over the warm tracks alone
    valid: Sessions
    test: Sessions  # over warm and cold tracks
    warm: int

    @classmethod
    def of(cls, prepared: Prepared, share: float, seed: int) -> Withheld:
        """Draw a share of the training catalog's tracks, and leave them out of its sessions."""
        track_ids = prepared.train.track_ids
        drawn = np.random.default_rng(seed).permutation(len(track_ids))
        cold = {track_ids[i] for i in drawn[: int(share * len(track_ids))].tolist()}
        kept = [track for track in track_ids if track not in cold]
        catalog = (*kept, *sorted(cold))
        return cls(
            train=prepared.train.reindexed(kept).known(2),
            valid=prepared.parts.valid.reindexed(kept).known(2),
            test=prepared.parts.test.reindexed(catalog),
            warm=len(kept),
        )

    def quickly(self, sessions: int) -> Withheld:
        """Give the same with the first sessions alone to validate and to test with."""
        valid, test = (
            part.select(np.arange(min(sessions, len(part)))) for part in (self.valid, self.test)
        )
        return replace(self, valid=valid, test=test)

    @property
    def cold(self) -> tuple[str, ...]:
        """The tracks that are withheld."""
        return self.test.track_ids[self.warm :]


@dataclass(frozen=True, eq=False)
class Answers:
    """Ranks of the questions about test sessions, all (n,)."""

    ranks: Ints
    target: Ints  # item
    session: Ints


def drawn_rows(model: Encoder, count: int, seed: int) -> torch.Tensor:
    """Draw rows as spread as the model's own: what a track has that was never trained, (M, D)."""
    own = model.item_embedding.weight.detach()[1:]
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, own.shape[1], generator=generator) * own.std()


def placed_rows(model: Encoder, withheld: Withheld, graph: TrackEmbeddings) -> torch.Tensor:
    """Map the cold tracks from the graph into the model, (M, D); unknown ones at the mean."""
    own = model.item_embedding.weight.detach().numpy()[1:]
    known = graph.rows(withheld.train.track_ids)
    found = graph.rows(withheld.cold)
    rows = np.tile(own.mean(axis=0), (len(found), 1))
    both, there = known >= 0, found >= 0
    matrix = graph.matrix
    rows[there] = place(matrix[known[both]], own[both], matrix[found[there]]).rows
    return torch.from_numpy(rows)


def asked(model: Encoder, withheld: Withheld, rows: torch.Tensor) -> Answers:
    """Ask for every next track of the test sessions; the cold ones have these rows, (M, D)."""
    own = model.item_embedding.weight.detach()
    grown = model.grown(torch.cat([own, rows])).eval()
    plays = np.zeros(withheld.test.n_items + 1, dtype=np.int64)
    plays[: withheld.warm + 1] = withheld.train.counts()
    (found,) = evaluate([NeuralRanker(grown)], withheld.test, plays, ranks_only=True)
    return Answers(found.ranks, np.asarray(found.target), found.session)
