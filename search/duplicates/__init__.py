"""Copies of images, by evidence: what two images share, and which of several is kept."""
