"""How the values of some columns are spread among the images that a filter lets through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vitrail.search.filters import combine_filters
from vitrail.search.options import Only

if TYPE_CHECKING:
    from vitrail.indexer.catalog.facets import Facet
    from vitrail.indexer.collection.answering import Answering

MOST_VALUES = 1_000
MOST_BINS = 256


def count_facets(
    commit: Answering,
    columns: Sequence[str],
    *,
    where: str | None = None,
    only: Only = "all",
    most: int = 20,
    bins: int = 24,
) -> tuple[Facet, ...]:
    """The values of each column with how many images have them, numbers and times by ranges.

    Args:
        commit: a snapshot.
        columns: in any case.
        where: a filter.
        only: ``all``, ``generated`` or ``real`` images.
        most: values that are told apart, at most ``MOST_VALUES``.
        bins: ranges, at most ``MOST_BINS``.

    Raises:
        FilterError: the filter cannot be used.
        InputError: there is no such column.
    """
    from vitrail.indexer.catalog.columns import typed_columns
    from vitrail.indexer.catalog.facets import read_facet
    from vitrail.indexer.catalog.listing import named_columns

    combined = combine_filters(where, only) or "true"
    with commit.readings.filtering() as source:
        kinds = typed_columns(source.connection, flat=source.flat)
        names = named_columns(source.connection, columns, "the facets")
        return tuple(
            read_facet(source, combined, name, kinds[name], most=most, bins=bins)
            for name in (names if columns else ())
        )
