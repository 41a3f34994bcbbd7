"""Weights of other frameworks: found, read as they are, and converted once to safetensors."""
