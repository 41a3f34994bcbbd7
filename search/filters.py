"""Filters: what the user wrote and what the options say, as one SQL expression."""

from __future__ import annotations

from search.query import Only

_ONLY = {"generated": "generated", "real": "NOT generated"}


def combine_filters(where: str | None, only: Only) -> str | None:
    """Join the user's expression with ``--only``; ``None`` when nothing is asked.

    The user's text is put in parentheses, after a line break that ends a trailing comment, so that
    an ``OR`` in it cannot reach past its own part. Its syntax is checked by the catalog.
    """
    written = where if where and where.strip() else None
    if only not in _ONLY or written is None:
        return written or _ONLY.get(only)
    return f"({written}\n) AND {_ONLY[only]}"
