"""The DuckDB catalog: what is known about each image."""
