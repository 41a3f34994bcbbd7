"""Checkpoints loaded by diffusers, with what is laid over them, and what they cannot hold."""
