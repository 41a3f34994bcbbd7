"""What an index searches as one: the rows of its last build, and those added since."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import numpy as np

from vitrail.indexer.vectors.answers import CandidateRows, Part
from vitrail.indexer.vectors.exact import Floats, Ids, Mask
from vitrail.indexer.vectors.filtered import NEARLY, FilteredSearch
from vitrail.indexer.vectors.lists import InvertedLists
from vitrail.indexer.vectors.plans import ProbePlan
from vitrail.indexer.vectors.policy import IndexPolicy
from vitrail.indexer.vectors.rows import Rows, Tail, merged

_PAGE = 4096  # bytes
_SHARED = 8  # queries that are worth more threads than one,
_SHARED_WORK = 1 << 25  # and products, where all rows are compared


@dataclass(frozen=True, slots=True)
class Parts:
    """The rows of the last build with their lists, if any, and the rows added since.

    Whatever reads vectors raises ``DamagedIndexError`` or ``UnreadableError`` where those of a
    mapped file turn out to be altered, and ``ImpossibleScoreError`` where any are no unit vectors.
    """

    base: Rows
    lists: InvertedLists | None
    tail: Tail
    policy: IndexPolicy

    def __len__(self) -> int:
        return len(self.base) + len(self.tail)

    def search(
        self, queries: Floats, k: int, allowed: Ids | None, recall: float, *, exact: bool
    ) -> list[Part]:
        """What each part contributes; see ``VectorIndex``."""
        parts = []
        for rows in (self.base, self.tail):
            if len(rows):
                lists = self.lists if rows is self.base and not exact else None
                parts.append(self._search(rows, lists, queries, k, allowed, recall))
        return parts

    def worth_sharing(self, queries: Floats, allowed: Ids | None) -> bool:
        """Whether several threads answer (q, dim) queries sooner than one."""
        rows = len(self) if allowed is None else min(len(allowed), len(self))
        work = len(queries) * rows * queries.shape[1]
        return len(queries) >= _SHARED and work >= _SHARED_WORK

    def _search(
        self,
        rows: Rows,
        lists: InvertedLists | None,
        queries: Floats,
        k: int,
        allowed: Ids | None,
        recall: float,
    ) -> Part:
        if allowed is not None:
            found = rows.positions(allowed)
            found = found[found >= 0]
            if len(found) > 1 and not (found[1:] > found[:-1]).all():
                found = np.unique(found)
            few = len(found) <= self.policy.gather_rows
            if lists is None or few or self._quicker_cold(lists, len(queries)):
                return rows.scan_some(queries, k, found)
            return FilteredSearch(rows, lists, queries, k, found, recall).answer()
        keep = rows.visible()
        if lists is not None and not self._quicker_cold(lists, len(queries)):
            plan = lists.plan(recall, k, len(rows) / len(rows.ids))
            if plan is not None:
                return self._approximate(lists, queries, k, plan, keep)
        return Part(rows.scan(queries, k, keep), len(rows) * len(queries))

    def _quicker_cold(self, lists: InvertedLists, queries: int) -> bool:
        """Whether a scan is done before FAISS would be loaded: a command's one query."""
        work = self.base.size * queries
        return not lists.loaded and "faiss" not in sys.modules and work <= self.policy.cold_floats

    def _approximate(
        self, lists: InvertedLists, queries: Floats, k: int, plan: ProbePlan, keep: Mask | None
    ) -> Part:
        rows = self.base
        reachable = len(rows.ids) if keep is None else int(np.count_nonzero(keep))
        candidates: list[tuple[Ids, Floats]] = []
        scanned = 0
        for query, row in zip(
            queries, lists.candidates(queries, k, plan.probes, keep), strict=True
        ):
            found = row[row >= 0]
            if len(found) < min(k, reachable):  # the lists that were read held too few
                candidates += rows.scan(query[None], k, keep).each(1)
                scanned += len(rows)
            else:
                candidates.append((rows.ids[found], rows.score(found, query)))
                scanned += len(found)
        # A sample proves nothing perfect.
        return Part(CandidateRows.of(candidates), scanned, min(plan.recall, NEARLY))

    def warm(self) -> None:
        """Load what a first search would, and read all of the stored vectors.

        Scoring candidates reads a few hundred rows from all over the file, and a page that this
        process has not seen yet costs more than the row's product.
        """
        if self.lists is not None:
            self.lists.warm()
        else:
            self.base.turn()
        matrix = self.base.matrix
        page = max(1, _PAGE // max(1, matrix.strides[0]))
        matrix[::page, 0].sum()

    def vectors(self, ids: Ids) -> Floats:
        """(n, dim) float32 stored rows of (n,) ids; a KeyError names one that is not here."""
        in_base, in_tail = self.base.positions(ids), self.tail.positions(ids)
        missing = (in_base < 0) & (in_tail < 0)
        if missing.any():
            raise KeyError(int(ids[missing][0]))
        rows = np.empty((len(ids), self.tail.matrix.shape[1]), np.float32)
        rows[in_base >= 0] = self.base.take(in_base[in_base >= 0])
        rows[in_tail >= 0] = self.tail.take(in_tail[in_tail >= 0])
        return rows

    def holds(self, ids: Ids) -> Mask:
        """(n,) bool: which of (n,) ids are visible here."""
        held: Mask = (self.base.positions(ids) >= 0) | (self.tail.positions(ids) >= 0)
        return held

    def with_rows(self, ids: Ids, vectors: Floats) -> Parts:
        """These and (n,) new ids with (n, dim) unit vectors."""
        return replace(self, tail=self.tail.appended(ids, vectors))

    def without(self, ids: Ids) -> Parts:
        """These, but for the rows of (n,) ids."""
        return replace(self, base=self.base.without(ids), tail=self.tail.without(ids))

    def restored(self, ids: Ids) -> tuple[Parts, Ids]:
        """These with the hidden rows of (n,) ascending ids, and the ids that have none here."""
        tail, here = self.tail.restored(ids)  # which holds the newer row of an id in both
        ids = ids[~here]
        base, here = self.base.restored(ids)
        return replace(self, base=base, tail=tail), ids[~here]

    def ids(self) -> Ids:
        """(n,) int64 visible ids, ascending."""
        base, tail = self.base, self.tail
        return np.sort(np.concatenate([base.ids[~base.hidden], tail.ids[~tail.hidden]]))

    def built(self) -> Parts:
        """The same rows, those of the tail folded in, hidden ones dropped, the type by size."""
        changed = bool(len(self.tail.ids) or self.base.hidden_count)
        rows, lists = merged(self.base, self.tail), self.lists
        matrix = rows.matrix
        if matrix.size <= self.policy.exact_floats:
            lists = None
        elif lists is None or changed:
            lists = self._next_lists(rows)
        return Parts(rows, lists, Tail.empty(matrix.shape[1]), self.policy)

    def _next_lists(self, rows: Rows) -> InvertedLists:
        """Lists over ``rows``, which begin with the base's own unless some of those were hidden."""
        old, matrix = self.lists, rows.matrix
        grown = (
            old is not None
            and not self.base.hidden_count
            and len(rows.ids) <= self.policy.growth * old.trained_on
            and np.array_equal(rows.ids[: len(self.base.ids)], self.base.ids)
        )
        if old is not None and grown:
            lists = old.copied()  # others search the old ones meanwhile
        else:
            lists = InvertedLists.train(matrix, self.policy)
        lists.append(matrix)
        lists.measure(matrix, self.policy)
        return lists
