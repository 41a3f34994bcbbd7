"""Encoders: checkpoints and the runtimes that run them."""
