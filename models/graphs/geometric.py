"""The layers of PyTorch Geometric that are used here; importing them takes seconds."""

import warnings

with warnings.catch_warnings():
    # Its modules call functions of torch that torch is giving up; what they say is not for us.
    warnings.simplefilter("ignore", FutureWarning)
    warnings.simplefilter("ignore", DeprecationWarning)
    from torch_geometric.nn import GATConv, SAGEConv

__all__ = ["GATConv", "SAGEConv"]
