"""GRU4Rec and SASRec as one writes them in plain PyTorch: what ours are compared with.

Modules of torch, autograd through everything, a DataLoader of padded batches, torch's optimisers;
each step is what a tutorial would do, and nothing is slowed down on purpose. Quality is not
measured here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

Session = list[int]


class PlainGRU4Rec(nn.Module):
    """One embedding for inputs and outputs, a GRU, dropout on the input, a bias for each track."""

    def __init__(self, items: int, width: int, dropout: float, *, sparse: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(items + 1, width, padding_idx=0, sparse=sparse)
        self.bias = nn.Embedding(items + 1, 1, sparse=sparse)
        self.gru = nn.GRU(width, width, batch_first=True)
        self.dropout = nn.Dropout(dropout)

    def forward(self, items: Tensor, hidden: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        """Step, (B,), (1, B, D), (C,) -> scores (B, C), hidden."""
        states, hidden = self.gru(self.dropout(self.embedding(items)).unsqueeze(1), hidden)
        scores = states.squeeze(1) @ self.embedding(candidates).T + self.bias(candidates).T
        return scores, hidden


def bpr_max(scores: Tensor, bpreg: float, elu: float) -> Tensor:
    """BPR-max of row i's target in column i, (B, C) -> scalar."""
    ranked = F.elu(scores, elu)
    own = torch.eye(*ranked.shape, dtype=torch.bool)
    share = ranked.masked_fill(own, -torch.inf).softmax(dim=1)
    won = torch.sigmoid(ranked.diagonal().unsqueeze(1) - ranked)
    loss = -((share * won).sum(dim=1) + 1e-24).log() + bpreg * (share * ranked**2).sum(dim=1)
    return loss.mean()


def cross_entropy(scores: Tensor, log_q: Tensor) -> Tensor:
    """Softmax with logQ of row i's target in column i, (B, C), (C,) -> scalar."""
    return F.cross_entropy(scores - log_q, torch.arange(len(scores)))


def session_parallel(sessions: Sequence[Session], slots: int) -> Iterator[tuple[Tensor, ...]]:
    """Give items, targets and where a session begins, (B,) each, as long as all slots have one."""
    following = iter(sessions)
    running = [iter(next(following)) for _ in range(slots)]
    current = [next(session) for session in running]
    begins = [True] * slots
    while True:
        targets = []
        for slot in range(slots):
            target = next(running[slot], None)
            while target is None:
                session = next(following, None)
                if session is None:
                    return
                running[slot] = iter(session)
                current[slot], begins[slot] = next(running[slot]), True
                target = next(running[slot], None)
            targets.append(target)
        yield torch.tensor(current), torch.tensor(targets), torch.tensor(begins)
        current, begins = targets, [False] * slots


class PlainSASRec(nn.Module):
    """torch's own encoder layers, causal, with a padding mask; learned positions."""

    def __init__(self, items: int, length: int, width: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(items + 1, width, padding_idx=0)
        self.position = nn.Embedding(length, width)
        layer = nn.TransformerEncoderLayer(
            width, 1, width, dropout, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, items: Tensor) -> Tensor:
        """Encode every position, (B, T) -> (B, T, D)."""
        length = items.shape[1]
        x = self.dropout(self.embedding(items) + self.position.weight[:length])
        later = torch.ones(length, length, dtype=torch.bool).triu(1)
        states: Tensor = self.encoder(x, mask=later, src_key_padding_mask=items == 0)
        return states


class PlainRecurrent(nn.Module):
    """A GRU over padded rows."""

    def __init__(self, items: int, width: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(items + 1, width, padding_idx=0)
        self.gru = nn.GRU(width, width, batch_first=True)
        self.dropout = nn.Dropout(dropout)

    def forward(self, items: Tensor) -> Tensor:
        """Encode every position, (B, T) -> (B, T, D)."""
        states: Tensor = self.gru(self.dropout(self.embedding(items)))[0]
        return states


def padded_loader(rows: Sequence[Session], length: int, batch: int) -> DataLoader[Session]:
    """Shuffle rows of up to `length` + 1 tracks and pad them on the right, (B, length + 1)."""

    def collate(drawn: list[Session]) -> Tensor:
        padded = torch.zeros(len(drawn), length + 1, dtype=torch.int64)
        for i, row in enumerate(drawn):
            padded[i, : len(row)] = torch.tensor(row)
        return padded

    return DataLoader(rows, batch, shuffle=True, collate_fn=collate)  # type: ignore[arg-type]
