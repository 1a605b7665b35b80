"""Protocols, metrics and rankers: who is asked what, and how well it was answered."""
