"""Data sets, each read to one canonical Parquet form."""
