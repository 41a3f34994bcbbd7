"""Filters: what the user wrote and what the options say, as one SQL expression."""

from __future__ import annotations

from vitrail.indexer.errors import FilterError
from vitrail.search.options import Only

_ONLY = {"generated": "generated", "real": "NOT generated"}

NO_IMAGES = "the collection holds no images"
_NONE = {
    "all": NO_IMAGES,
    "generated": "the collection holds no generated images",
    "real": "the collection holds none but generated images",
}


def none_passes(where: str | None, only: Only) -> str:
    """What it means that no image of a collection with images passes, in a sentence."""
    return "no image passes the filter" if where is not None else _NONE[only]


def combine_filters(where: str | None, only: Only) -> str | None:
    """Join the user's expression with ``--only``; ``None`` when nothing is asked.

    The user's text is put in parentheses, after a line break that ends a trailing comment, so that
    an ``OR`` in it cannot reach past its own part. Its syntax is checked by the catalog.

    Raises:
        FilterError: the expression is empty, as a shell's unset variable is.
    """
    if where is not None and not where.strip():
        raise FilterError("the filter is empty; leave it out to search everything")
    if only not in _ONLY or where is None:
        return where or _ONLY.get(only)
    return f"({where}\n) AND {_ONLY[only]}"
