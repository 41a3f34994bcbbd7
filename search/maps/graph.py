"""The nearest neighbours of each image of a map, by the same cosine that a search goes by."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import CancelledError
from vitrail.indexer.vectors.meetings import HeldVectors
from vitrail.indexer.vectors.neighbours import neighbours

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


class Graph(NamedTuple):
    """Each row's nearest rows, itself first.

    Attributes:
        neighbours: (n, k) int64 positions.
        distances: (n, k) float32 Euclidean distances of the unit rows, ascending.
        recall: the share of true neighbours that is found, as measured; 1 if all were compared.
    """

    neighbours: Ids
    distances: Floats
    recall: float


def graph_of(
    rows: Floats,
    k: int,
    *,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    stop: Callable[[], bool] = lambda: False,
) -> Graph:
    """Find the neighbours.

    Args:
        rows: (n, dim) float32 unit rows, n above ``k``.
        k: of each row, itself left out.
        on_progress: called with how many rows are answered, of how many.
        stop: once it returns true, ``CancelledError`` is raised.

    Raises:
        CancelledError: it was told to stop.
    """
    near = np.empty((len(rows), k + 1), np.int64)
    far = np.zeros((len(rows), k + 1), np.float32)
    near[:, 0] = np.arange(len(rows))
    held = HeldVectors(near[:, 0].copy(), rows)  # whose ids are their positions
    answers = neighbours(held, k, on_progress=on_progress, stop=stop)
    for block in answers.blocks:
        # a -1 stands where clusters held fewer: the row itself, which pulls nowhere
        found = block.neighbours >= 0
        near[block.ids, 1:] = np.where(found, block.neighbours, block.ids[:, None])
        cosines = np.where(found, block.cosines, -1)
        far[block.ids, 1:] = np.sqrt(np.maximum(0, 2 - 2 * cosines))
    if stop():
        raise CancelledError
    return Graph(near, far, answers.recall)
