"""Tests of models/second_stage."""
