"""Prompts in, images out, recipes kept."""

import indexer  # noqa: F401 - switches the dependencies' reports off, whatever is imported next
