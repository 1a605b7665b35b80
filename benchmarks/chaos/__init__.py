"""Faults from one seed, on a real cluster under load, and the audit as their judge."""
