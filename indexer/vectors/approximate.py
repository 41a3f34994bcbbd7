"""Approximate answers: by a graph where it is at hand and reaches so far, by lists otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from vitrail.indexer.vectors.answers import CandidateRows, Part
from vitrail.indexer.vectors.coded import CodedRows
from vitrail.indexer.vectors.exact import Floats, Ids
from vitrail.indexer.vectors.filtered import NEARLY, FilteredSearch, Found
from vitrail.indexer.vectors.graph import NeighbourGraph
from vitrail.indexer.vectors.lists import InvertedLists
from vitrail.indexer.vectors.passing import Passing
from vitrail.indexer.vectors.rows import Rows

_WIDEST = 250  # the rank among all rows up to which a graph finds sooner than filtered lists do
_SOON = 40_000_000  # numbers of rows whose codes are read sooner than a graph is walked
_STEP = 5  # rows that are scored in the time in which a graph comes to another one


def walked(rows: Rows, graph: NeighbourGraph, query: Floats, k: int, recall: float) -> Part | None:
    """What a graph finds for one (1, dim) query that no filter stands before, the shortest way.

    ``None`` where that may be too little. Arguments are those of ``ApproximateSearch``, which
    comes to the same answer; one of many queries takes a fifth more time that way.
    """
    share = len(rows) / len(rows.ids)
    plan = graph.plan(recall, k, share)
    if plan is None or plan.probes * _STEP >= len(rows):
        return None
    (places,) = graph.candidates(query, k, plan, rows.visible(), share)
    if places is None:
        return None
    found = rows.best(places, query[0], k)
    return Part(CandidateRows.of([found]), len(places), min(plan.recall, NEARLY))


@dataclass(slots=True)
class ApproximateSearch:
    """The ``k`` nearest rows, for one batch of queries.

    Args:
        rows: all of them.
        lists: of these.
        graph: of these, where there is one that is worth loading.
        queries: (q, dim) float32, unit rows.
        k: how many are wanted, at most as many as may be found.
        passing: the rows that may be found, all of them visible; ``None`` for every visible one.
        recall: the share of the true ``k`` nearest that should be found.
        gather_rows: so many that may be found are scored rather than looked up in lists.
    """

    rows: Rows
    lists: InvertedLists
    graph: NeighbourGraph | None
    queries: Floats
    k: int
    passing: Passing | None
    recall: float
    gather_rows: int
    _found: dict[int, Found] = field(init=False, default_factory=dict)
    _scanned: int = field(init=False, default=0)
    _told: float = field(init=False, default=1.0)
    _walked: bool = field(init=False, default=False)

    def answer(self) -> Part:
        """Candidates, exact or with the recall that they are likely to have."""
        count = len(self.rows) if self.passing is None else len(self.passing)
        share = count / len(self.rows.ids)
        coded = self._coded_few()
        if (
            coded is None
            and self.graph is not None
            and (self.passing is None or self.k <= _WIDEST * share)
        ):
            self._walk(self.graph, count, share)
        if len(self._found) < len(self.queries):
            if self.passing is None:
                self._look_up(self._left(), share)
            else:
                self._choose(self._left(), self.passing, coded)
        each = [self._found[i] for i in range(len(self.queries))]
        return Part(CandidateRows.of(each), self._scanned, self._told)

    def _walk(self, graph: NeighbourGraph, count: int, share: float) -> None:
        """Take what the graph finds for those queries around which enough may be found."""
        plan = graph.plan(self.recall, self.k, share)
        if plan is not None and plan.probes * _STEP < count:
            keep = self.rows.visible() if self.passing is None else self.passing
            near = graph.candidates(self.queries, self.k, plan, keep, share)
            self._walked = True
            for i, places in enumerate(near):
                if places is not None:
                    self._take(i, places, plan.recall)

    def _look_up(self, left: Ids, share: float) -> None:
        """Take what the nearest lists hold, where that is enough, and scan for the others."""
        keep = self.rows.visible()
        plan = self.lists.plan(self.recall, self.k, share)
        if plan is not None:
            near = self.lists.candidates(self.queries[left], self.k, plan.probes, keep)
            for i, row in zip(left.tolist(), near, strict=True):
                places = row[row >= 0]
                if len(places) >= self.k:  # otherwise the lists that were read held too few
                    self._take(i, places, plan.recall)
        if len(left := self._left()):
            self._add(left, self.rows.scan(self.queries[left], self.k, keep))
            self._scanned += len(self.rows) * len(left)

    def _coded_few(self) -> CodedRows | None:
        """Codes of the rows that may be found, if they are read sooner than a graph is walked."""
        if self.passing is None or len(self.passing) <= self.gather_rows or self.recall == 1:
            return None
        soon = len(self.passing) * self.queries.shape[1] <= _SOON
        return self.rows.coded(self.passing) if soon else None

    def _choose(self, left: Ids, passing: Passing, coded: CodedRows | None) -> None:
        """Take the best of few rows, or what codes or lists find of many."""
        queries = self.queries[left]
        if len(passing) <= self.gather_rows:
            part = self.rows.scan_some(queries, self.k, passing)
        else:
            if self.recall < 1 and len(passing) * queries.shape[1] > _SOON:
                coded = self.rows.coded(passing)
            search = FilteredSearch(self.rows, self.lists, queries, self.k, passing, self.recall)
            part = search.answer(far=self._walked, coded=coded)
        self._add(left, part.candidates)
        self._scanned += part.scanned
        self._told = min(self._told, part.recall)

    def _take(self, i: int, places: Ids, recall: float) -> None:
        self._found[i] = self.rows.best(places, self.queries[i], self.k)
        self._scanned += len(places)
        self._told = min(self._told, recall, NEARLY)  # a sample proves nothing perfect

    def _add(self, left: Ids, candidates: CandidateRows) -> None:
        self._found.update(zip(left.tolist(), candidates.each(len(left)), strict=True))

    def _left(self) -> Ids:
        return np.array([i for i in range(len(self.queries)) if i not in self._found], np.int64)
