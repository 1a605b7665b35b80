"""Tests of models/factorisation."""
