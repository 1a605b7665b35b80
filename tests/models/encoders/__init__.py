"""Tests of models/encoders."""
