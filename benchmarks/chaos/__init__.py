"""Faults, bad input and bad models, and what a worker makes of them: `segue chaos`."""
