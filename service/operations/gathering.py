"""The images that an analysis looks at, and their vectors, all of one commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError
from vitrail.indexer.wording import counted
from vitrail.search.filters import NO_IMAGES, combine_filters, none_passes
from vitrail.search.joining import joined
from vitrail.search.options import Only, check_word, shares

if TYPE_CHECKING:
    from vitrail.indexer.collection.snapshot import Snapshot
    from vitrail.indexer.collection.store import CollectionStore

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Gathered:
    """Images and their vectors.

    Attributes:
        snapshot: the commit they are of.
        ids: (n,) int64, ascending.
        rows: (n, dim) float32 unit rows, whose cosines are the scores of a search by ``weights``.
        weights: space name -> share.
        matching: how many images the filter let through, n or more.
    """

    snapshot: Snapshot
    ids: Ids
    rows: Floats
    weights: Mapping[str, float]
    matching: int


def space_of(commit: Snapshot, named: str | None) -> str:
    """The one space that an analysis goes by.

    Args:
        commit: whose spaces there are.
        named: the one that was asked for; ``None`` is the one that searches weigh most.

    Raises:
        InputError: there is no such space.
    """
    if named is not None and named not in commit.spaces:
        raise InputError(
            f"space {named!r:.100} is not in this collection, which has "
            f"{', '.join(commit.spaces)}; name one of these"
        )
    weights = commit.default_weights
    return named or max(commit.spaces, key=lambda space: weights.get(space, 0.0))


def gather(
    store: CollectionStore,
    *,
    where: str | None,
    only: Only,
    spaces: Mapping[str, float] | None,
    limit: int,
    fewest: int,
    seed: int = 0,
) -> Gathered:
    """Read the vectors of the images that a filter lets through.

    Args:
        store: the collection.
        where: SQL expression over the columns; ``None`` is all images.
        only: ``all``, ``generated`` or ``real``.
        spaces: space name -> weight; ``None`` for those of a search that says nothing.
        limit: images, above which so many of them are drawn.
        fewest: images that are needed.
        seed: of the draw.

    Raises:
        InputError: too few images, an unknown space, or a filter that cannot be used.
    """
    check_word("only", only, get_args(Only))
    snapshot = store.snapshot()
    weights = shares(spaces or snapshot.default_weights, snapshot.spaces)
    snapshot = store.snapshot(*weights)
    combined = combine_filters(where, only)
    ids = snapshot.allowed_ids(combined or "true")
    if len(ids) < fewest:
        if not len(ids):
            raise InputError(NO_IMAGES if combined is None else none_passes(where, only))
        passing = "the collection has" if combined is None else "the filter lets through"
        raise InputError(
            f"{passing} {counted(len(ids), 'image')}, but {fewest} at least are needed"
        )
    matching = len(ids)
    if matching > limit:
        ids = np.sort(np.random.default_rng(seed).choice(ids, limit, replace=False))
    chosen = ids.tolist()
    rows = joined({space: snapshot.vectors(chosen, space) for space in weights}, weights)
    return Gathered(snapshot, ids, rows, weights, matching)
