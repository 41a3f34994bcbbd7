"""Encoders for other runtimes and in fewer bits, each held against its source."""
