"""Rankers that count: baselines that learn nothing and are hard to beat."""
