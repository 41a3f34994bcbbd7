"""A query made ready for one commit: its default weights, and vectors of derived spaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.collection.readers import SpaceReader
from vitrail.indexer.spaces import base_of
from vitrail.search.query import Query

Floats = NDArray[np.float32]


def resolved(query: Query, commit: SpaceReader) -> Query:
    """The query with what only a commit can tell.

    Where its options name no spaces, it is weighed as is the commit's default; what it lacks of
    derived spaces is worked out from its vectors of the stored ones.

    Args:
        query: with vectors of the stored spaces at least.
        commit: what is searched.

    Raises:
        InputError: the commit has no such space.
        CollectionError: a transform is missing, damaged, or cannot be read now.
    """
    weights = query.weights if query.options.spaces else dict(commit.default_weights)
    background = query.background
    return replace(
        query,
        weights=weights,
        vectors=with_derived(query.vectors, weights, commit),
        background=None if background is None else with_derived(background, weights, commit),
    )


def with_derived(
    vectors: Mapping[str, Floats], wanted: Iterable[str], commit: SpaceReader
) -> dict[str, Floats]:
    """Vectors of stored spaces, and of derived ones what is wanted and worked out from them.

    Args:
        vectors: space name -> (n, dim) float32 unit rows.
        wanted: names of spaces.
        commit: which knows the transforms.

    Raises:
        CollectionError: a transform is missing, damaged, or cannot be read now.
    """
    found = dict(vectors)
    for space in wanted:
        base = base_of(space)
        if base is not None and base in vectors and space not in vectors:
            found[space] = commit.transform(space).apply(vectors[base])
    return found
