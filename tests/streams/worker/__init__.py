"""Tests of what knows Faust."""
