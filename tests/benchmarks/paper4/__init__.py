"""Tests of the table of Navon & Andrade."""
