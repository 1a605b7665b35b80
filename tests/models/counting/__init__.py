"""Tests of models/counting."""
