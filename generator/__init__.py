"""Prompts in, images out, recipes kept."""

import vitrail.indexer  # noqa: F401 - switches the dependencies' reports off, whatever is imported next
