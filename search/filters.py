"""Filters: what the user wrote and what the options say, as one SQL expression."""

from __future__ import annotations

from vitrail.indexer.errors import InputError
from vitrail.search.query import Only

_ONLY = {"generated": "generated", "real": "NOT generated"}


def combine_filters(where: str | None, only: Only) -> str | None:
    """Join the user's expression with ``--only``; ``None`` when nothing is asked.

    The user's text is put in parentheses, after a line break that ends a trailing comment, so that
    an ``OR`` in it cannot reach past its own part. Its syntax is checked by the catalog.

    Raises:
        InputError: the expression is empty, as a shell's unset variable is.
    """
    if where is not None and not where.strip():
        raise InputError("the filter is empty; leave it out to search everything")
    if only not in _ONLY or where is None:
        return where or _ONLY.get(only)
    return f"({where}\n) AND {_ONLY[only]}"
