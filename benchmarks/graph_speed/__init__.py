"""How fast LightGCN trains: ours against sparse products under autograd, in one run."""
