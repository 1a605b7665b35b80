"""Trainings: rows, steps, learning rates, checkpoints, several processes."""
