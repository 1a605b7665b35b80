"""Faults, bad input and bad models on purpose, and the audit as their judge: `segue chaos`."""
