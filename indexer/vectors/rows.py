"""Stored vectors by id, some of them hidden: what every answer is scored from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.vectors.blocks import Blocks
from vitrail.indexer.vectors.exact import Floats, Ids, Mask, nearest, score


class Rows:
    """(n, dim) float32 unit vectors in ascending order of id.

    Args:
        ids: (n,) int64, ascending, distinct.
        matrix: (n, dim) float32; may be a read-only view of a mapped file.
        hidden: (n,) bool, rows that no search returns.
        blocks: the checksums of ``matrix``, where they are yet to be compared. All that gives its
            numbers away then raises ``DamagedIndexError`` or ``UnreadableError``.
    """

    def __init__(
        self,
        ids: Ids,
        matrix: Floats,
        hidden: Mask | None = None,
        blocks: Blocks | None = None,
    ) -> None:
        self.ids = ids
        self._matrix = matrix
        self._blocks = blocks
        self.hidden = np.zeros(len(ids), bool) if hidden is None else hidden
        self.hidden_count = int(np.count_nonzero(self.hidden))

    def __len__(self) -> int:
        return len(self.ids) - self.hidden_count

    @property
    def matrix(self) -> Floats:
        """(n, dim) float32, all of it compared with its checksums."""
        if self._blocks is not None:
            self._blocks.check_all()
        return self._matrix

    @property
    def size(self) -> int:
        """Numbers stored."""
        return self._matrix.size

    @property
    def checked(self) -> float:
        """How much has been compared with its checksums, from 0 to 1."""
        return 1.0 if self._blocks is None else self._blocks.share

    def take(self, positions: Ids) -> Floats:
        """(m, dim) float32 copies of the rows at ``positions``."""
        self._check(positions)
        rows: Floats = self._matrix[positions]
        return rows

    def score(self, positions: Ids, query: Floats) -> Floats:
        """(m,) float32 cosines of the rows at ``positions`` with a (dim,) query."""
        self._check(positions)
        return score(self._matrix, positions, query)

    def _check(self, positions: Ids) -> None:
        if self._blocks is not None:
            self._blocks.check(positions * self._matrix.strides[0])

    def positions(self, ids: Ids) -> NDArray[np.int64]:
        """(m,) int64 row of each id, -1 where it is unknown or hidden."""
        found = self._places(ids)
        if self.hidden_count:
            found[self.hidden[found]] = -1
        return found

    def _places(self, ids: Ids) -> NDArray[np.int64]:
        """(m,) int64 row of each id, hidden or not; -1 where it is unknown."""
        if not len(self.ids):
            return np.full(len(ids), -1, np.int64)
        first, last = int(self.ids[0]), int(self.ids[-1])
        if last - first == len(self.ids) - 1:  # no gaps: subtracting is ten times as fast
            found = ids - first
            found[(found < 0) | (found >= len(self.ids))] = -1
        else:
            found = np.searchsorted(self.ids, ids).astype(np.int64, copy=False)
            found[found == len(self.ids)] = -1
            found[self.ids[found] != ids] = -1
        return found

    def visible(self, allowed: Ids | None = None) -> Mask | None:
        """(n,) bool of the rows a search may return, or None where that is all of them."""
        if allowed is None:
            return ~self.hidden if self.hidden_count else None
        return self.mask(self.positions(allowed))

    def mask(self, positions: Ids) -> Mask:
        """(n,) bool, true at ``positions``; negative ones are ignored."""
        keep = np.zeros(len(self.ids), bool)
        keep[positions[positions >= 0]] = True
        return keep

    def hide(self, ids: Ids) -> int:
        """Hide rows; ids that are not here are ignored. Returns how many were hidden."""
        found = self.positions(ids)
        found = np.unique(found[found >= 0])
        self.hidden[found] = True
        self.hidden_count += len(found)
        return len(found)

    def reveal(self, ids: Ids) -> Mask:
        """Show hidden rows again. Returns (m,) bool: which of the ids are here."""
        found = self._places(ids)
        here: Mask = found >= 0
        self.hidden[found[here]] = False
        self.hidden_count = int(np.count_nonzero(self.hidden))
        return here

    def kept(self) -> Rows:
        """The rows that are not hidden."""
        if not self.hidden_count:
            return self
        keep = ~self.hidden
        return Rows(self.ids[keep], self.matrix[keep])

    def scan(self, queries: Floats, k: int, keep: Mask | None) -> list[tuple[Ids, Floats]]:
        """Ids and exact scores of at least the ``k`` best rows of each query, unordered."""
        matrix = self.matrix
        return [
            (self.ids[found], score(matrix, found, query))
            for query, found in zip(queries, nearest(matrix, keep, queries, k), strict=True)
        ]

    def gather(self, queries: Floats, k: int, positions: Ids) -> list[tuple[Ids, Floats]]:
        """As ``scan`` over the rows at ``positions`` alone."""
        some = Rows(self.ids[positions], self.take(positions))
        return some.scan(queries, k, None)


def merged(base: Rows, tail: Rows) -> Rows:
    """The visible rows of both as one, copied only where that cannot be avoided."""
    base, tail = base.kept(), tail.kept()
    if not len(tail.ids):
        return base
    if not len(base.ids):
        return Rows(tail.ids, tail.matrix)
    ids = np.concatenate([base.ids, tail.ids])
    matrix = np.concatenate([base.matrix, tail.matrix])
    if base.ids[-1] < tail.ids[0]:
        return Rows(ids, matrix)
    order = np.argsort(ids)
    return Rows(ids[order], matrix[order])


class Tail(Rows):
    """Rows that grow at little cost, for what was added since the index was last built."""

    def __init__(self, dim: int) -> None:
        self._spare_ids = np.empty(0, np.int64)
        self._spare = np.empty((0, dim), np.float32)
        super().__init__(self._spare_ids, self._spare)

    def append(self, ids: Ids, vectors: Floats) -> None:
        """Add (m,) distinct ids, none of them visible here, with their (m, dim) rows."""
        if self.hidden_count:  # a hidden id may come again, and must not be here twice
            kept = self.kept()
            self._replace(kept.ids, kept.matrix)
        old, new = len(self.ids), len(self.ids) + len(ids)
        if new > len(self._spare_ids):
            self._grow(max(new, 2 * old, 64))
        self._spare_ids[old:new] = ids
        self._spare[old:new] = vectors
        self.ids, self._matrix = self._spare_ids[:new], self._spare[:new]
        self.hidden = np.zeros(new, bool)
        if np.any(np.diff(self.ids[max(old - 1, 0) :]) < 0):
            order = np.argsort(self.ids)
            self._replace(self.ids[order], self.matrix[order])

    def _grow(self, capacity: int) -> None:
        old = len(self.ids)
        ids = np.empty(capacity, np.int64)
        matrix = np.empty((capacity, self.matrix.shape[1]), np.float32)
        ids[:old], matrix[:old] = self.ids, self.matrix
        self._spare_ids, self._spare = ids, matrix

    def _replace(self, ids: Ids, matrix: Floats) -> None:
        self._spare_ids, self._spare = ids, matrix
        self.ids, self._matrix = ids, matrix
        self.hidden, self.hidden_count = np.zeros(len(ids), bool), 0
