"""The exact nearest among some of many rows, which are read where they lie instead of copied."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from vitrail.indexer.vectors.exact import ROUNDING, Floats, Ids, check_scores, score

_MANY = 64  # rows, of which fewer are copied as soon,
_TIMES = 3  # and times as many as are wanted: those are copied after all, to be scored


def pays(rows: int, k: int) -> bool:
    """Whether the ``k`` best of so many are found sooner where they lie, once FAISS is loaded."""
    return rows >= max(_MANY, _TIMES * k) and "faiss" in sys.modules


def nearest_among(matrix: Floats, positions: Ids, query: Floats, k: int) -> tuple[Ids, Floats]:
    """Positions and scores of the ``k`` best of some rows at least, ties included, unordered.

    Args:
        matrix: (n, dim) float32, unit rows.
        positions: (m,) int64 of those that may be found, m at least 1.
        query: (dim,) float32, of length 1.
        k: how many are wanted.

    Raises:
        ImpossibleScoreError: a row is no unit vector.
    """
    if k < len(positions):
        products = _products(matrix, positions, query)
        check_scores(products)
        kth = np.partition(products, len(products) - k)[len(products) - k]
        # As they are scored; a score may round another way than FAISS's product.
        positions = positions[products >= min(kth, np.float32(1)) - ROUNDING]
    return positions, score(matrix, positions, query)


def _products(matrix: Floats, positions: Ids, query: Floats) -> Floats:
    """(m,) float32 inner products of the rows at (m,) positions with a query."""
    import faiss

    from vitrail.indexer.vectors.lists import threads

    calls: Any = faiss  # its stubs miss what is called here
    if positions.min() < 0 or positions.max() >= len(matrix):  # FAISS would read what lies there
        raise IndexError(f"positions from {positions.min()} to {positions.max()} of {len(matrix)}")
    products = np.empty(len(positions), np.float32)
    positions, query = np.ascontiguousarray(positions), np.ascontiguousarray(query)
    with threads(calls, 1):
        calls.fvec_inner_products_by_idx(
            calls.swig_ptr(products),
            calls.swig_ptr(query),
            calls.swig_ptr(matrix),
            calls.swig_ptr(positions),
            matrix.shape[1],
            1,
            len(positions),
        )
    return products
