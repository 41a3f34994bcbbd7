"""Folders scanned, decoded, embedded and committed."""
