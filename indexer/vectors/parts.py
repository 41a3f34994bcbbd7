"""What an index searches as one: the rows of its last build, and those added since."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import numpy as np

from vitrail.indexer.building import OnStep, no_step
from vitrail.indexer.vectors.answers import Part
from vitrail.indexer.vectors.approximate import ApproximateSearch, walked
from vitrail.indexer.vectors.exact import Floats, Ids, Mask
from vitrail.indexer.vectors.graph import NeighbourGraph
from vitrail.indexer.vectors.lists import InvertedLists
from vitrail.indexer.vectors.plans import trials
from vitrail.indexer.vectors.policy import IndexPolicy
from vitrail.indexer.vectors.rows import Rows
from vitrail.indexer.vectors.tail import Tail, merged

_PAGE = 4096  # bytes
_SHARED = 8  # queries that are worth more threads than one,
_SHARED_WORK = 1 << 25  # and products, where all rows are compared


@dataclass(frozen=True, slots=True)
class Parts:
    """The rows of the last build with their lists and graph, if any, and the rows added since.

    Whatever reads vectors raises ``DamagedIndexError`` or ``UnreadableError`` where those of a
    mapped file turn out to be altered, and ``ImpossibleScoreError`` where any are no unit vectors.
    """

    base: Rows
    lists: InvertedLists | None
    tail: Tail
    policy: IndexPolicy
    graph: NeighbourGraph | None = None

    def __len__(self) -> int:
        return len(self.base) + len(self.tail)

    @property
    def kind(self) -> str:
        """What the rows of the last build are searched by: ``exact``, or FAISS factory strings."""
        made = [part.kind for part in (self.lists, self.graph) if part is not None]
        return " and ".join(made) or "exact"

    def search(
        self, queries: Floats, k: int, allowed: Ids | None, recall: float, *, exact: bool
    ) -> list[Part]:
        """What each part contributes; see ``VectorIndex``."""
        parts = []
        for rows in (self.base, self.tail):
            if len(rows):
                approximate = rows is self.base and not exact and self._pays(len(queries))
                lists = self.lists if approximate else None
                parts.append(self._search(rows, lists, queries, k, allowed, recall))
        return parts

    def worth_sharing(self, queries: Floats, allowed: Ids | None) -> bool:
        """Whether several threads answer (q, dim) queries sooner than one."""
        if len(queries) < _SHARED:
            return False
        rows = len(self) if allowed is None else min(len(allowed), len(self))
        return bool(len(queries) * rows * queries.shape[1] >= _SHARED_WORK)

    def _search(
        self,
        rows: Rows,
        lists: InvertedLists | None,
        queries: Floats,
        k: int,
        allowed: Ids | None,
        recall: float,
    ) -> Part:
        passing = None if allowed is None else rows.passing(allowed)
        if lists is None:
            if passing is not None:
                return rows.scan_some(queries, k, passing)
            return Part(rows.scan(queries, k, rows.visible()), len(rows) * len(queries))
        graph = self.graph
        if graph is not None and not graph.ready(len(queries)):
            graph = None
        if graph is not None and passing is None and len(queries) == 1:
            part = walked(rows, graph, queries, k, recall)
            if part is not None:
                return part
        few = self.policy.gather_rows
        return ApproximateSearch(rows, lists, graph, queries, k, passing, recall, few).answer()

    def _pays(self, queries: int) -> bool:
        """Whether to approximate: a command's one query is done before FAISS would be loaded."""
        work = self.base.size * queries
        cold = self.lists is not None and not self.lists.loaded and "faiss" not in sys.modules
        return not (cold and work <= self.policy.cold_floats)

    def warm(self) -> None:
        """Load what a first search would, and read all of the stored vectors.

        Scoring candidates reads a few hundred rows from all over the file, and a page that this
        process has not seen yet costs more than the row's product.
        """
        if self.lists is not None:
            self.lists.warm()
            if self.graph is not None:
                self.graph.warm()
        else:
            self.base.turn()
        matrix = self.base.matrix
        page = max(1, _PAGE // max(1, matrix.strides[0]))
        matrix[::page, 0].sum()

    def settle(self) -> None:
        """Wait until what is made beside questions is there."""
        self.base.settle()
        self.tail.settle()

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

    def built(self, on_step: OnStep = no_step) -> Parts:
        """The same rows, those of the tail folded in, hidden ones dropped, the type by size."""
        changed = bool(len(self.tail.ids) or self.base.hidden_count)
        spill = self.tail.spill
        rows, lists, graph = merged(self.base, self.tail, spill, on_step), self.lists, self.graph
        matrix = rows.matrix
        if matrix.size <= self.policy.exact_floats:
            lists = graph = None
        elif changed or lists is None or (self.policy.graph and graph is None):
            lists, graph = self._approximations(rows, on_step)
        return Parts(rows, lists, Tail.empty(matrix.shape[1], spill), self.policy, graph)

    def _approximations(
        self, rows: Rows, on_step: OnStep
    ) -> tuple[InvertedLists, NeighbourGraph | None]:
        """Lists of ``rows`` and, where it is wanted, a graph, each going on from the base's own."""
        stay = not self.base.hidden_count and np.array_equal(
            rows.ids[: len(self.base.ids)], self.base.ids
        )
        looked_up = trials(rows.matrix, self.policy.samples, on_step)
        lists = self._lists_of(rows.matrix, on_step, stay=stay)
        lists.append(rows.matrix, on_step)
        lists.measure(looked_up, on_step)
        if not self.policy.graph:
            return lists, None
        old = self.graph if stay else None
        graph = NeighbourGraph.empty(rows.matrix) if old is None else old.copied()
        graph.append(rows.matrix, on_step)
        graph.lay_out(lists.in_order(), on_step)
        graph.measure(looked_up, on_step)
        return lists, graph

    def _lists_of(self, matrix: Floats, on_step: OnStep, *, stay: bool) -> InvertedLists:
        """The base's lists once more, as others search those meanwhile, or new and empty ones."""
        old = self.lists
        if stay and old is not None and len(matrix) <= self.policy.growth * old.trained_on:
            return old.copied()
        return InvertedLists.train(matrix, self.policy, on_step)
