"""Tests of `segue bench quality`."""
