"""Prompts in, images out, recipes kept."""
