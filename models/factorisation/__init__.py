"""Factorisation machines over users, items and contexts (Ibero, Pérez & Martínez, 2021)."""
