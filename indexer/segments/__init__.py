"""Segments: what was computed, in immutable Parquet files, each page with a checksum."""
