"""Hits in the order of a column, and the columns that hits are sorted and grouped by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vitrail.indexer.catalog.listing import Listing
from vitrail.indexer.collection.readers import MetadataReader
from vitrail.indexer.errors import InputError
from vitrail.search.query import Hit

SCORE = "score"


def column_name(commit: MetadataReader, name: str, asker: str = "the search") -> str:
    """A column as the collection spells it.

    Args:
        commit: which knows the columns.
        name: in any case.
        asker: who names it, for messages.

    Raises:
        InputError: there is no such column, with the nearest that there is.
    """
    # just the names: no row has to be read for them
    nothing = Listing(columns=(name,), ids=(), asker=asker)
    with commit.listed(nothing) as (names, _):
        return names[0]


def read_keys(commit: MetadataReader, sort: Sequence[str]) -> list[tuple[str, bool]]:
    """Columns to sort by, as the collection spells them, and whether the largest come first.

    Args:
        commit: which knows the columns.
        sort: names, each with ``-`` before it for the largest first; ``score`` is the hit's.

    Raises:
        InputError: there is no such column.
    """
    names = [(key.removeprefix("-"), key.startswith("-")) for key in sort]
    return [
        (SCORE if name.lower() == SCORE else column_name(commit, name), falling)
        for name, falling in names
    ]


def sort_hits(hits: Sequence[Hit], keys: Sequence[tuple[str, bool]]) -> list[Hit]:
    """Hits in the order of some columns, those without a value last; what is equal stays in order.

    Args:
        hits: in any order.
        keys: name of each column and whether the largest come first.

    Raises:
        InputError: a column whose values have no order.
    """
    ordered = list(hits)
    for name, falling in reversed(keys):  # sorts are stable: the first key is sorted by last
        ordered = _sorted_by(ordered, name, falling=falling)
    return ordered


def _sorted_by(hits: list[Hit], name: str, *, falling: bool) -> list[Hit]:
    known = [hit for hit in hits if _value(hit, name) is not None]
    try:
        known.sort(key=lambda hit: _value(hit, name), reverse=falling)
    except TypeError as error:
        raise InputError(f"the values of {name} have no order to sort by") from error
    return known + [hit for hit in hits if _value(hit, name) is None]


def _value(hit: Hit, name: str) -> Any:
    return hit.score if name == SCORE else hit.metadata[name]
