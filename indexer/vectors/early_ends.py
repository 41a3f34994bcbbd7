"""The exact nearest rows of one query, most of the others compared by a part of their numbers only.

Rows are turned to their principal axes, so that the first numbers of each say most of it, and what
the lengths of the rest let it reach at most ends the comparison of most rows early (Panorama;
Ramani and others, 2025; in FAISS). What is found is scored from the rows themselves. It is all that
there can be where the worst that was found is worse than the k-th by more than all roundings can
make of a product: those of turning (of rows in float64, rounded once; of queries in float32), of
the sums and the lengths that FAISS adds up in float32, and of the scores themselves.
"""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.vectors.checks import odd_lengths
from vitrail.indexer.vectors.exact import UNIT, Floats, Ids, ImpossibleScoreError, score
from vitrail.indexer.vectors.passing import Passing

_LEAST_DIM = 64  # numbers of a row, below which there is little to end early
_LEAST, _MOST = 1 << 20, 1 << 24  # numbers of all rows: fewer are scanned sooner, more take room
_LEVEL = 32  # numbers of a row that are compared before it is asked again
_BATCH = 128  # rows that are compared together, and the most that FAISS then finds
_SPARE = 6  # rows asked for beside the k wanted: the worst of them is to prove the others
MOST = _BATCH - _SPARE
"""Rows that can be asked for, at most."""
_DEEPER = 4  # times as many, where that is nearly as good as the k-th
_SCANS = 256  # after so many, turning the rows and loading FAISS have paid
_SAMPLE = 10_000  # rows by which the axes are found
_BLOCK = 4096  # rows turned at a time
_SEED = 20240523
_UNIT_ROUNDOFF = 2.0**-24
_PIECES = 4  # of a query, turned one by one: the fewer terms a sum has, the less it is rounded


class EarlyEnds:
    """The rows of a matrix, turned; never changed, so threads share it.

    Args:
        matrix: (n, dim) float32, unit rows.

    Raises:
        ImpossibleScoreError: a row is no unit vector.
    """

    def __init__(self, matrix: Floats) -> None:
        import faiss

        if odd := odd_lengths(matrix):
            place, length = next(iter(odd.items()))
            raise ImpossibleScoreError(f"row {place} of length {length:.6g} is no unit vector")
        dim = matrix.shape[1]
        self._faiss: Any = faiss  # its stubs miss what is called here
        axes = _axes(matrix)
        # Half as many bytes to read as float64, which is what turning a query takes its time for.
        pieces = _PIECES if dim % _PIECES == 0 else 1
        self._axes = axes.astype(np.float32).reshape(pieces, -1, dim)
        # Sums of so many terms, twice (the lengths of two rests, and a score), and of the levels'.
        terms = 2 * dim + 2 * _LEVEL + dim // _LEVEL
        # Each number of a turned query is off by as many roundings as it sums up products, and by
        # that of its axis; all of them together by the root of their count.
        turning = math.sqrt(dim) * (dim // pieces + pieces + 1)
        self._rounding = (terms + turning) * _UNIT_ROUNDOFF * (1 + UNIT) ** 2  # of such lengths
        self._index = self._faiss.IndexFlatIPPanorama(dim, -(-dim // _LEVEL), _BATCH)
        for start in range(0, len(matrix), _BLOCK):
            rows = matrix[start : start + _BLOCK].astype(np.float64) @ axes
            self._index.add(rows.astype(np.float32))

    def nearest(
        self, matrix: Floats, query: Floats, k: int, keep: Passing | None
    ) -> tuple[Ids, Floats] | None:
        """Positions and scores of the ``k`` best rows at least, ties included, unordered.

        Args:
            matrix: (n, dim) float32, the rows that were turned.
            query: (dim,) float32, of length 1.
            k: how many are wanted.
            keep: the rows that may be found; ``None`` for all.

        Returns:
            ``None`` where so few comparisons prove nothing: a scan has to.
        """
        turned = self._turned(query)
        wanted = k + _SPARE
        while wanted <= _BATCH:
            found, last = self._found(turned, wanted, keep)
            scores = score(matrix, found, query)
            if len(found) < wanted:  # all that may be found
                return found, scores
            if np.partition(scores, wanted - k)[wanted - k] > last + self._rounding:
                return found, scores
            wanted *= _DEEPER
        return None

    def _turned(self, query: Floats) -> Floats:
        pieces: Floats = query.reshape(len(self._axes), 1, -1) @ self._axes
        turned: Floats = pieces.sum(axis=0)
        return turned

    def _found(self, turned: Floats, wanted: int, keep: Passing | None) -> tuple[Ids, np.float32]:
        """Positions of the best, and what no other row surpasses but by rounding."""
        settings = None
        if keep is not None:
            selector = self._faiss.IDSelectorBitmap(keep.bits)
            settings = self._faiss.SearchParameters(sel=selector)
        (scores,), (found,) = self._index.search(turned, wanted, params=settings)
        return found if found[-1] >= 0 else found[found >= 0], scores[-1]


class TurnedLater:
    """Rows that are turned once scans were so many that it pays; shared by all who have them.

    That takes as long as some hundreds of scans, and so does loading FAISS: the question that
    comes after so many waits for both, and others meanwhile are answered by scans.
    """

    def __init__(self) -> None:
        self._scans = 0
        self._made: EarlyEnds | None = None
        self._making = threading.Lock()

    def counted(self, matrix: Floats) -> EarlyEnds | None:
        """The turned rows of (n, dim) ``matrix``; ``None`` as long as scans are too few."""
        self._scans += 1
        if self._made is None and self._scans > _SCANS:
            self._make(matrix, wait=False)
        return self._made

    def make(self, matrix: Floats) -> None:
        """Turn the rows now."""
        self._make(matrix, wait=True)

    def _make(self, matrix: Floats, *, wait: bool) -> None:
        if not _LEAST <= matrix.size <= _MOST or matrix.shape[1] < _LEAST_DIM:
            return
        if self._making.acquire(blocking=wait):  # otherwise another thread does it
            try:
                self._made = self._made or EarlyEnds(matrix)
            finally:
                self._making.release()


def _axes(matrix: Floats) -> NDArray[np.float64]:
    """(dim, dim) orthonormal columns: the directions in which rows reach farthest, falling."""
    sample = matrix
    if len(matrix) > _SAMPLE:
        chosen = np.random.default_rng(_SEED).choice(len(matrix), _SAMPLE, replace=False)
        sample = matrix[np.sort(chosen)]
    _, axes = np.linalg.eigh((sample.T @ sample).astype(np.float64))
    return np.ascontiguousarray(axes[:, ::-1])
