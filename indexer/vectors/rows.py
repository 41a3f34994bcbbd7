"""Stored vectors by id, some of them hidden: what every answer is scored from."""

from __future__ import annotations

import copy
from typing import Self

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.vectors import batch_scan, coded, early_ends, gathered
from vitrail.indexer.vectors.answers import CandidateRows, Part
from vitrail.indexer.vectors.blocks import Blocks
from vitrail.indexer.vectors.coded import CodedRows
from vitrail.indexer.vectors.early_ends import TurnedLater
from vitrail.indexer.vectors.exact import Floats, Ids, Mask, nearest, score
from vitrail.indexer.vectors.later import once
from vitrail.indexer.vectors.passing import LatestPassing, Passing, Take, bytes_copied

_GATHERED = 1 << 14  # rows that are copied at a time
_TAKEN = 2048  # or at a time beside questions
_COPIED = 1 << 22  # numbers of rows that are kept with a filter, 16 MB
_SPARSE = 4  # of so many rows copying one costs as much as multiplying all


class Rows:
    """(n, dim) float32 unit vectors in ascending order of id; never changed, so threads share them.

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
        self._turned = TurnedLater()
        self._latest = LatestPassing()
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

    def best(self, positions: Ids, query: Floats, k: int) -> tuple[Ids, Floats]:
        """Ids and cosines of the ``k`` best rows at ``positions`` at least, unordered."""
        self._check(positions)
        if gathered.pays(len(positions), k):
            found, scores = gathered.nearest_among(self._matrix, positions, query, k)
        else:
            found, scores = positions, score(self._matrix, positions, query)
        return self.ids[found], scores

    def _check(self, positions: Ids) -> None:
        if self._blocks is not None and not self._blocks.done:
            self._blocks.check(positions * self._matrix.strides[0])

    def positions(self, ids: Ids) -> NDArray[np.int64]:
        """(m,) int64 row of each id, -1 where it is unknown or hidden."""
        found = self._places(ids)
        if self.hidden_count:
            found[self.hidden[found]] = -1
        return found

    def passing(self, allowed: Ids) -> Passing:
        """Those of (m,) ids that are here and visible."""
        return self._latest.of(allowed, self._passing)

    def _passing(self, allowed: Ids) -> Passing:
        if len(allowed) > 1 and not (allowed[1:] > allowed[:-1]).all():
            allowed = np.unique(allowed)
        if self._gapless:  # the inner part of them is all that is here: no other is looked at
            inside = np.searchsorted(allowed, (self.ids[0], self.ids[-1] + 1))
            found = allowed[slice(*inside)] - self.ids[0]
        else:
            found = self._places(allowed)
            found = found[found >= 0]
        return Passing(len(self.ids), found[~self.hidden[found]] if self.hidden_count else found)

    @property
    def _gapless(self) -> bool:
        return bool(len(self.ids)) and int(self.ids[-1] - self.ids[0]) == len(self.ids) - 1

    def _places(self, ids: Ids) -> NDArray[np.int64]:
        """(m,) int64 row of each id, hidden or not; -1 where it is unknown."""
        if not len(self.ids):
            return np.full(len(ids), -1, np.int64)
        if self._gapless:  # subtracting is ten times as fast
            found = ids - int(self.ids[0])
            found[(found < 0) | (found >= len(self.ids))] = -1
        else:
            found = np.searchsorted(self.ids, ids).astype(np.int64, copy=False)
            found[found == len(self.ids)] = -1
            found[self.ids[found] != ids] = -1
        return found

    def visible(self) -> Passing | None:
        """The rows a search may return, or None where that is all of them."""
        return self._shown if self.hidden_count else None

    @once
    def _shown(self) -> Passing:
        return Passing.marked(~self.hidden)

    def without(self, ids: Ids) -> Self:
        """These rows, those of (m,) ids hidden too; ids that are not here are ignored."""
        found = self.positions(ids)
        return self._marked(found[found >= 0], hidden=True)

    def restored(self, ids: Ids) -> tuple[Self, Mask]:
        """These rows, those of (m,) ids shown again, and (m,) bool: which of the ids are here."""
        found = self._places(ids)
        here: Mask = found >= 0
        return self._marked(found[here], hidden=False), here

    def _marked(self, places: NDArray[np.int64], *, hidden: bool) -> Self:
        if not len(places):
            return self
        marked = copy.copy(self)
        marked._latest = LatestPassing()
        marked.__dict__.pop("_shown", None)
        marked.hidden = self.hidden.copy()
        marked.hidden[places] = hidden
        marked.hidden_count = int(np.count_nonzero(marked.hidden))
        return marked

    def kept(self) -> Rows:
        """The rows that are not hidden."""
        if not self.hidden_count:
            return self
        keep = ~self.hidden
        return Rows(self.ids[keep], self.matrix[keep])

    def scan(self, queries: Floats, k: int, keep: Passing | None) -> CandidateRows:
        """At least the ``k`` best rows of each of (q, dim) queries, q at least 1."""
        matrix = self.matrix
        few = len(queries) < batch_scan.FEWEST
        if not few and k <= self._most(keep):
            marks = None if keep is None else keep.marks
            which, found = batch_scan.nearest_of_each(matrix, marks, queries, k)
            scores = batch_scan.score_each(matrix, found, queries, which)
            return CandidateRows(which, self.ids[found], scores)
        turned = self._turned.counted(matrix) if few and k <= early_ends.MOST else None
        if turned is None:
            each = _scan(matrix, keep, queries, k)
        else:
            each = [
                turned.nearest(matrix, query, k, keep) or _scan(matrix, keep, query[None], k)[0]
                for query in queries
            ]
        return CandidateRows.of([(self.ids[found], scores) for found, scores in each])

    def _most(self, keep: Passing | None) -> int:
        """How many a batch may ask for: fewer where a filter leaves less of each block."""
        return batch_scan.MOST if keep is None else int(batch_scan.MOST * keep.share)

    def turn(self) -> None:
        """Do now what makes scans for one query quick, where it does; it loads FAISS."""
        self._turned.make(self.matrix)

    def gather(self, queries: Floats, k: int, positions: Ids) -> CandidateRows:
        """As ``scan`` over the rows at ``positions`` alone, of which few are copied at a time."""
        if len(queries) < batch_scan.FEWEST and gathered.pays(len(positions), k):
            return CandidateRows.of([self.best(positions, query, k) for query in queries])
        parts = [
            self._gathered(queries, k, positions[start : start + _GATHERED])
            for start in range(0, max(1, len(positions)), _GATHERED)
        ]
        return parts[0] if len(parts) == 1 else CandidateRows.joined(parts)

    def _gathered(self, queries: Floats, k: int, positions: Ids) -> CandidateRows:
        some = Rows(self.ids[positions], self.take(positions))
        return some.scan(queries, k, None)

    def coded(self, passing: Passing) -> CodedRows | None:
        """Codes of some rows, made beside questions once these were enough to pay."""
        count, dim = len(passing), self._matrix.shape[1]
        made, places = passing.coded.made, passing.places
        if made is None and coded.fit(count, dim) and passing.coded.due(coded.uses_to_pay(count)):
            self._latest.begin(
                *(passing, passing.coded, coded.bytes_of(count, dim)),
                lambda take: CodedRows(take, places, dim),
                self.take,
            )
        return made

    def _copied(self, passing: Passing) -> Rows | None:
        """Some rows side by side, if they are few and were asked for before."""
        count, dim = len(passing), self._matrix.shape[1]
        made, ids, places = passing.copied.made, self.ids, passing.places
        if made is None and 0 < count * dim <= _COPIED and passing.copied.due(2):
            self._latest.begin(
                *(passing, passing.copied, bytes_copied(count * dim)),
                lambda take: Rows(ids[places], _copy(take, places, dim)),
                self.take,
            )
        return made

    def settle(self) -> None:
        """Wait until what is made beside questions is there."""
        self._latest.settle()

    def scan_some(self, queries: Floats, k: int, passing: Passing) -> Part:
        """The exact answer among some rows, in whichever way reads less."""
        if len(passing) <= len(self.ids) // _SPARSE:
            if (some := self._copied(passing)) is not None:
                return Part(some.scan(queries, k, None), len(passing) * len(queries))
            return Part(self.gather(queries, k, passing.places), len(passing) * len(queries))
        return Part(self.scan(queries, k, passing), len(self) * len(queries))


def _copy(take: Take, places: Ids, dim: int) -> Floats:
    """(p, dim) float32 rows at (p,) places, taken block by block."""
    rows = np.empty((len(places), dim), np.float32)
    for start in range(0, len(places), _TAKEN):
        rows[start : start + _TAKEN] = take(places[start : start + _TAKEN])
    return rows


def _scan(
    matrix: Floats, keep: Passing | None, queries: Floats, k: int
) -> list[tuple[Ids, Floats]]:
    """Positions and scores of at least the ``k`` best rows of each query."""
    near = nearest(matrix, None if keep is None else keep.marks, queries, k)
    each = zip(queries, near, strict=True)
    return [(found, score(matrix, found, query)) for query, found in each]
