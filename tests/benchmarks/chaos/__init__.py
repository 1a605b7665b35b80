"""Tests of faults, bad input and bad models."""
