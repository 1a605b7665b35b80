"""The tables of the factorisation machines."""
