"""Stable Diffusion checkpoints on disk: found, checked and hashed; the embedded one lies here."""
