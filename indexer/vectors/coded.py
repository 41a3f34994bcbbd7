"""Some rows by two bits a number, all of which are read for a query, wherever it comes from.

Lists and a graph are laid out for all rows; behind a filter most of what they lead to is dropped.
Where the same filter is asked with again, codes of just those rows that pass, in the layout of
FAISS's fast scan, are read in well under a millisecond for a hundred thousand. They only choose
candidates, which are then scored from the stored vectors. Rows are turned first: of numbers with
heavy tails two bits tell too little, and of the nearest rows less than of all the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.vectors.exact import Floats, Ids
from vitrail.indexer.vectors.turning import random_axes, turned

MOST_BYTES = 48 << 20
"""Bytes of the codes of one filter: of 384 numbers those of 524,288 rows."""
_LEAST_DIM = 24  # of fewer numbers, how far estimates are off is not normally distributed
_STEP = 4  # numbers that codes are laid out by
_CUTS = np.array([-0.9816, 0.0, 0.9816])  # where a normal distribution is best parted in four
_LEVELS = np.array([-1.51, -0.4528, 0.4528, 1.51])  # and what then stands for each part
_SPREAD = 1e-6  # FAISS divides by how far the numbers that codes stand for lie apart
_SEED = 20240525
_SAMPLE = 2048  # rows by which numbers are parted
_TAKEN = 2048  # rows that are copied at a time
_BLOCK = 32  # rows that FAISS reads together; those of each half lie like this in its registers
_ORDER = np.array([0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15])
_ROWS_A_USE = 2_500  # rows that are coded in the time which codes save a query, roughly


def fit(rows: int, dim: int) -> bool:
    """Whether there are codes of so many rows: they may be too large, or rows too narrow or odd."""
    return dim >= _LEAST_DIM and dim % _STEP == 0 and 0 < rows * dim // 4 <= MOST_BYTES


def bytes_of(rows: int, dim: int) -> int:
    """Of the codes of so many rows."""
    return -(-rows // _BLOCK) * _BLOCK * dim // 4


def uses_to_pay(rows: int) -> int:
    """How often a filter is asked with before codes of what it lets through have paid."""
    return 2 + rows // _ROWS_A_USE


class CodedRows:
    """Codes of some rows; never changed, so threads share them.

    Args:
        take: gives (m, dim) float32 rows by their (m,) int64 positions.
        places: (n,) int64 ascending positions of those that are coded, n at least 1.
        dim: of a row, a multiple of 4.
    """

    def __init__(self, take: Callable[[Ids], Floats], places: Ids, dim: int) -> None:
        import faiss

        self._faiss: Any = faiss  # its stubs miss what is called here
        self.places = places
        self._axes = random_axes(dim, np.random.default_rng(_SEED))
        sample = turned(take(places[:: -(-len(places) // _SAMPLE)]), self._axes)
        middle, spread = sample.mean(0), sample.std(0) + _SPREAD
        cuts = (middle + spread * _CUTS[:, None]).astype(np.float32)
        levels = _means(sample, cuts, middle + spread * _LEVELS[:, None])
        metric = self._faiss.METRIC_INNER_PRODUCT
        self._index = self._faiss.IndexPQFastScan(dim, dim // 2, 4, metric)
        self._faiss.copy_array_to_vector(_centroids(levels).ravel(), self._index.pq.centroids)
        self._index.is_trained = True
        self._fill(take, cuts)

    def _fill(self, take: Callable[[Ids], Floats], cuts: Floats) -> None:
        """Lay the codes out as FAISS does, whose own ``add`` compares rows with all centroids."""
        index, size = self._index, len(self.places)
        blocks = -(-size // _BLOCK)
        index.codes.resize(bytes_of(size, index.d))
        index.ntotal, index.ntotal2 = size, blocks * _BLOCK
        held = self._faiss.rev_swig_ptr(index.codes.get(), index.codes.size())
        laid_out = held.reshape(blocks, index.M, _BLOCK // 2)
        for start in range(0, size, _TAKEN):
            rows = turned(take(self.places[start : start + _TAKEN]), self._axes)
            codes = _codes(rows, cuts)
            first, count = start // _BLOCK, -(-len(codes) // _BLOCK)
            codes = np.pad(codes, ((0, count * _BLOCK - len(codes)), (0, 0)))
            halves = codes.reshape(count, 2, _BLOCK // 2, index.M)[:, :, _ORDER]
            laid_out[first : first + count] = (halves[:, 0] | halves[:, 1] << 4).transpose(0, 2, 1)

    def __len__(self) -> int:
        return len(self.places)

    @property
    def nbytes(self) -> int:
        """Of the codes."""
        return int(self._index.codes.size())

    def candidates(
        self, queries: Floats, wanted: int, *, alone: bool = True
    ) -> tuple[NDArray[np.int64], Floats]:
        """Those whose codes look nearest.

        Args:
            queries: (q, dim) float32, unit rows.
            wanted: how many positions, at most as many as are coded.
            alone: whether this thread does it all, as where others answer other queries.

        Returns:
            (q, wanted) int64 positions, and the (q, wanted) float32 cosines that codes estimate.
        """
        from vitrail.indexer.vectors.lists import threads

        faiss, count = self._faiss, len(queries)
        queries = np.ascontiguousarray(turned(queries, self._axes))
        found = np.empty((count, wanted), np.int64)
        estimates = np.empty((count, wanted), np.float32)
        with threads(faiss, 1 if alone else None):
            self._index.search_c(
                count,
                *(faiss.swig_ptr(queries), wanted),
                *(faiss.swig_ptr(estimates), faiss.swig_ptr(found)),
            )
        return self.places[found], estimates


def _codes(rows: Floats, cuts: Floats) -> NDArray[np.uint8]:
    """(n, dim / 2) codes of four bits: of two numbers beside each other, the first one lower."""
    parts: NDArray[np.uint8] = (rows > cuts[0]).view(np.uint8)
    for cut in cuts[1:]:
        parts += (rows > cut).view(np.uint8)
    codes: NDArray[np.uint8] = parts[:, ::2].copy()
    codes |= parts[:, 1::2] << 2
    return codes


def _means(sample: Floats, cuts: Floats, otherwise: NDArray[np.float64]) -> Floats:
    """(parts, dim) the mean of a sample's numbers in each part, or what stands for an empty one."""
    parts = (sample > cuts[:, None]).sum(0)
    levels = otherwise.astype(np.float32)
    for part, level in enumerate(levels):
        own = parts == part
        counts = own.sum(0)
        sums = np.where(own, sample, 0).sum(0)
        level[counts > 0] = sums[counts > 0] / counts[counts > 0]
    return levels


def _centroids(levels: Floats) -> Floats:
    """(dim / 2, 16, 2) float32: the numbers that each code stands for."""
    codes = np.arange(16)
    return np.stack([levels[codes & 3, ::2].T, levels[codes >> 2, 1::2].T], axis=2)
