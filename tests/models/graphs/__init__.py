"""Tests of models/graphs."""
