"""What Ibero, Pérez & Martínez (UPC, 2021) published, row by row, and which of ours answers to it.

The tables of MovieLens are in the paper (sections 4 and 5). Its Spotify results are pictures: their
figures are the last of 40 epochs in the event logs that the authors published beside their code.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One row of a table; figures are of lists of ten."""

    table: str
    name: str
    by: str  # "paper": quoted there from others; "ours": its own
    hit_rate: float
    ndcg: float
    coverage: float | None
    entry: str | None  # ours
    differs: str


_FIRST, _SECOND, _THIRD = "paper results", "graph, no context", "graph, previous item"
_NEGATIVES = "ours may draw the held-out item as a negative, theirs never did"
_GRAPH = f"ours adds a node's own embedding to what the graph gives it; {_NEGATIVES}"
_ATTENTION = f"one head instead of eight; {_GRAPH}"
_FMG = "FMG is a machine over meta-graphs; ours has user and item only"
_OTHERS = "another paper's network, which is not built here"

ML_100K = (
    Row(_FIRST, "ItemPop", "paper", 0.3998, 0.2264, None, "popularity", "by users, not by ratings"),
    Row(_FIRST, "baseline", "ours", 0.4051, 0.2191, 0.2348, "popularity",
        "theirs is a baseline of user and item means"),
    Row(_FIRST, "ItemKNN", "paper", 0.5891, 0.3283, None, "item-knn", "20 neighbours, no ratings"),
    Row(_FIRST, "knn", "ours", 0.5716, 0.3422, 0.8062, "user-knn", "40 neighbours, no ratings"),
    Row(_FIRST, "FMG", "paper", 0.6373, 0.3588, None, "fm", _FMG),
    Row(_FIRST, "FM", "ours", 0.6458, 0.3658, 0.5458, "fm", _NEGATIVES),
    Row(_FIRST, "NeuACF", "paper", 0.6846, 0.4068, None, None, _OTHERS),
    Row(_FIRST, "NeuACF++", "paper", 0.6915, 0.4092, None, None, _OTHERS),
    Row(_SECOND, "FMG", "paper", 0.6373, 0.3588, None, "fm", _FMG),
    Row(_SECOND, "FM", "ours", 0.6458, 0.3658, 0.5458, "fm", _NEGATIVES),
    Row(_SECOND, "FM-GCN", "ours", 0.6543, 0.3792, 0.5856, "fm-gcn", _GRAPH),
    Row(_SECOND, "FM-GCN-ATT", "ours", 0.6596, 0.3883, 0.6225, "fm-gcn-att", _ATTENTION),
    Row(_SECOND, "NeuACF", "paper", 0.6846, 0.4068, None, None, _OTHERS),
    Row(_SECOND, "NeuACF++", "paper", 0.6915, 0.4092, None, None, _OTHERS),
    Row(_THIRD, "FM", "ours", 0.7264, 0.4453, 0.6046, "fm+previous", _NEGATIVES),
    Row(_THIRD, "FM-GCN", "ours", 0.7370, 0.4611, 0.6165, "fm-gcn+previous", _GRAPH),
    Row(_THIRD, "FM-GCN-ATT", "ours", 0.7349, 0.4581, 0.7206, "fm-gcn-att+previous", _ATTENTION),
)  # fmt: skip

_SPOTIFY = "sessions, full rank"
_SKIP = "theirs is how the track that is asked for ended, ours how the one before it did"
MSSD_MINI = (
    Row(_SPOTIFY, "FM", "ours", 0.6097, 0.3868, 0.3376, "fm", _NEGATIVES),
    Row(_SPOTIFY, "FM, skip", "ours", 0.6170, 0.3912, 0.3465, "fm+skip", _SKIP),
    Row(_SPOTIFY, "FM, previous item", "ours", 0.6747, 0.5061, 0.3679, "fm+previous", _NEGATIVES),
    Row(_SPOTIFY, "FM, all", "ours", 0.6731, 0.4991, 0.3719, "fm+previous+skip", _SKIP),
    Row(_SPOTIFY, "FM-GCN", "ours", 0.6196, 0.3937, 0.3465, "fm-gcn", _GRAPH),
    Row(_SPOTIFY, "FM-GCN, previous item", "ours", 0.6944, 0.5279, 0.3701, "fm-gcn+previous",
        _GRAPH),
    Row(_SPOTIFY, "FM-GCN-ATT", "ours", 0.6595, 0.4459, 0.3625, "fm-gcn-att", _GRAPH),
    Row(_SPOTIFY, "FM-GCN-ATT, previous item", "ours", 0.6973, 0.5200, 0.3003,
        "fm-gcn-att+previous", _GRAPH),
)  # fmt: skip
