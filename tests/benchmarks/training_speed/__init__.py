"""Tests of the training speeds."""
