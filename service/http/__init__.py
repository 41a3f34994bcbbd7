"""The search service: an HTTP API over the operations."""
