"""Tests of models/items."""
