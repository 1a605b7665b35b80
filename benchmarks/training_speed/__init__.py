"""How fast models train, beside straightforward implementations of the same in plain PyTorch."""
