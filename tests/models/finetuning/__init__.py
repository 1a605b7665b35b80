"""Tests of models/finetuning."""
