"""Vectors of derived spaces, worked out from those of the stored ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.collection.readers import SpaceReader
from vitrail.indexer.spaces import base_of

Floats = NDArray[np.float32]


def with_derived(
    vectors: Mapping[str, Floats], wanted: Iterable[str], commit: SpaceReader
) -> dict[str, Floats]:
    """Vectors of stored spaces, and of derived ones what is wanted and worked out from them.

    Args:
        vectors: space name -> (n, dim) float32 unit rows.
        wanted: names of spaces.
        commit: which knows the transforms.

    Raises:
        InputError: the commit has no such derived space.
        CollectionError: a transform is missing, damaged, or cannot be read now.
    """
    found = dict(vectors)
    for space in wanted:
        base = base_of(space)
        if base is not None and base in vectors and space not in vectors:
            found[space] = commit.transform(space).apply(vectors[base])
    return found
