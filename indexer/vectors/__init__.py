"""Stored vectors, exact and approximate search, and the cache of both on disk."""
