"""Images without a query: which there are, in any order, a few or all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, get_args

import numpy as np

from vitrail.indexer.catalog.listing import Listing
from vitrail.indexer.collection.readers import MetadataReader
from vitrail.indexer.errors import InputError
from vitrail.indexer.paths import original
from vitrail.search.filters import combine_filters
from vitrail.search.options import Only, check_word


@dataclass(frozen=True, slots=True)
class ListedImage:
    """One image of a list.

    Attributes:
        id: image id in the collection.
        path: of its first file: of those that fulfil the filter, those that are not missing first,
            by path; ``None`` where it has none.
        values: the columns asked for, or all, by name.
    """

    id: int
    path: str | None
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What to list, and how.

    Attributes:
        where: SQL expression over the columns.
        only: ``all``, ``generated`` or ``real``.
        sort: columns, each with ``-`` before it for the largest first; then by id.
        limit: how many at most.
        columns: what ``values`` of each shall hold; empty is all.
        sample: how many to draw at random, or ``None`` for all.
        seed: of that draw, 0 or more.

    Raises:
        InputError: a kind that is unknown, or a number that nothing can be drawn by.
    """

    where: str | None = None
    only: Only = "all"
    sort: Sequence[str] = ()
    limit: int | None = None
    columns: Sequence[str] = ()
    sample: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_word("only", self.only, get_args(Only))
        if self.sample is not None and self.sample < 1:
            raise InputError(f"{self.sample} images are to be drawn, but at least 1 must be")
        if self.seed < 0:
            raise InputError(f"the seed of the draw is {self.seed}; give 0 or more")


class ListKeywords(TypedDict, total=False):
    """The options of ``ListOptions``, by keyword."""

    where: str | None
    only: Only
    sort: Sequence[str]
    limit: int | None
    columns: Sequence[str]
    sample: int | None
    seed: int


def list_images(
    collection: MetadataReader,
    options: ListOptions,
    *,
    among: Sequence[int] | None = None,
    after: tuple[Any, ...] | None = None,
) -> Iterator[ListedImage]:
    """List images, read as they are asked for.

    Args:
        collection: that is read.
        options: what to list.
        among: ids of just those that may be listed, where no sample is drawn; ``None`` is all.
        after: values of the columns of ``sort`` and the id of an image: just what follows it.

    Raises:
        InputError: the filter cannot be used, there is no such column, or a number is below 1.
    """
    combined = combine_filters(options.where, options.only)
    ids = None if among is None else tuple(among)
    if options.sample is not None:
        ids = _draw(collection, combined, options)
    columns = options.columns
    shown = ("id", "path", *(name for name in columns if name.lower() not in ("id", "path")))
    listing = Listing(
        combined,
        tuple(options.sort),
        options.limit,
        shown if columns else (),
        ids,
        after=after,
    )
    with collection.listed(listing) as (names, rows):
        for raw, *values in rows:
            known = dict(zip(names, values, strict=True))
            path = known["path"]
            yield ListedImage(known["id"], None if path is None else original(path, raw), known)


def count_images(
    collection: MetadataReader, *, where: str | None = None, only: Only = "all"
) -> int:
    """How many images a filter lets through.

    Raises:
        InputError: it cannot be used.
    """
    return len(collection.allowed_ids(combine_filters(where, only) or "true"))


def _draw(collection: MetadataReader, where: str | None, options: ListOptions) -> tuple[int, ...]:
    count = options.sample or 0
    ids = collection.allowed_ids(where or "true")
    chosen = np.random.default_rng(options.seed).choice(ids, min(count, len(ids)), replace=False)
    return tuple(sorted(chosen.tolist()))
