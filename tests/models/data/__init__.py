"""Tests of the data sets and the simulator."""
