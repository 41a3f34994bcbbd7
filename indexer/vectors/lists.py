"""Approximate search for large collections: inverted lists of one-bit codes, in FAISS.

The codes (RaBitQ; Gao and Long, 2024) only choose candidates, which are then scored from the stored
vectors, so an answer can miss a row but never misplace or misprice one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.building import OnStep, no_step
from vitrail.indexer.vectors.exact import Floats, products
from vitrail.indexer.vectors.faiss_memory import write_pieces
from vitrail.indexer.vectors.index_layout import Write
from vitrail.indexer.vectors.later import once
from vitrail.indexer.vectors.means import rows_at_once, spherical_means
from vitrail.indexer.vectors.passing import Passing
from vitrail.indexer.vectors.plans import (
    Curves,
    ProbePlan,
    Trials,
    choose,
    depth,
    measured,
    measured_depth,
    steps_to,
)
from vitrail.indexer.vectors.policy import IndexPolicy

if TYPE_CHECKING:
    from vitrail.indexer.vectors.rows import Rows

_SEED = 20240521
_QUERY_BITS = 8
_TOGETHER = 64  # queries that FAISS is asked at once: more take more memory, and no less time
_TRIED = 200  # rows that are looked up, at most: lists err on the safe side
_FEW = 0.2  # share of rows that pass, below which some lists hold none
_SAMPLE = 192  # rows by which it is told how many are nearer than a score


def _faiss() -> Any:
    """FAISS, loaded late because it takes a third of a second; its stubs miss half of its calls."""
    import faiss

    return faiss


class InvertedLists:
    """Candidates for the rows of a matrix, by their positions 0..n-1.

    Args:
        kind: FAISS's factory string.
        trained_on: rows there were when the lists were laid out.
        curves: k -> plans, ascending, with recall@k.
        load: gives the ``faiss.IndexIVFRaBitQFastScan``; called at the first use.
    """

    def __init__(self, kind: str, trained_on: int, curves: Curves, load: Callable[[], Any]) -> None:
        self.kind = kind
        self.trained_on = trained_on
        self.curves = curves
        self._load = load

    @classmethod
    def train(cls, matrix: Floats, policy: IndexPolicy, on_step: OnStep = no_step) -> InvertedLists:
        """Lay out lists for the (n, dim) rows of ``matrix``; holds no rows yet."""
        faiss = _faiss()
        rows, dim = matrix.shape
        lists = max(1, min(rows // 2, round(policy.lists_factor * rows**0.5)))
        rng = np.random.default_rng(_SEED)
        chosen = rng.choice(rows, min(rows, lists * policy.training_rows), replace=False)
        sample = np.ascontiguousarray(matrix[np.sort(chosen)])
        quantizer = faiss.IndexFlatIP(dim)
        quantizer.add(spherical_means(sample, lists, _SEED, on_step))
        index = faiss.IndexIVFRaBitQFastScan(quantizer, dim, lists, faiss.METRIC_INNER_PRODUCT)
        index.train(sample[:1])  # nothing is learnt of rows any more
        return cls(f"IVF{lists},RaBitQfs", rows, {}, lambda: index)

    @classmethod
    def from_bytes(cls, data: NDArray[np.uint8], header: dict[str, Any]) -> InvertedLists:
        """Lists from what ``write_to`` and ``header`` gave, whose checksums the caller compared.

        Raises:
            KeyError, TypeError, ValueError: the header is of another make.
        """

        def load() -> Any:
            return _faiss().deserialize_index(data)

        curves = {
            int(k): [ProbePlan(int(probes), float(recall)) for probes, recall in plans]
            for k, plans in header["curves"].items()
        }
        return cls(str(header["kind"]), int(header["trained_on"]), curves, load)

    def write_to(self, write: Write) -> None:
        """FAISS's own serialisation, in pieces."""
        write_pieces(self._index, write)

    def header(self) -> dict[str, Any]:
        """What ``from_bytes`` needs beside the bytes, as plain JSON types."""
        return {"kind": self.kind, "trained_on": self.trained_on, "curves": self.curves}

    def copied(self) -> InvertedLists:
        """The same lists once more, for rows to be appended to."""
        index = _faiss().clone_index(self._index)
        return InvertedLists(self.kind, self.trained_on, self.curves, lambda: index)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def loaded(self) -> bool:
        """Whether FAISS holds the lists already."""
        return "_index" in self.__dict__

    def warm(self) -> None:
        """Load the lists and their centroids."""
        len(self._centroids)

    @once
    def _index(self) -> Any:
        return self._load()

    @once
    def _centroids(self) -> Floats:
        centroids: Floats = self._index.quantizer.reconstruct_n(0, self._index.nlist)
        return centroids

    @once
    def _members(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Positions of all rows list by list, and where each list begins and ends there."""
        faiss, lists = _faiss(), self._index.invlists
        sizes = [lists.list_size(number) for number in range(self._index.nlist)]
        ends = np.cumsum([0, *sizes], dtype=np.int64)
        rows = np.empty(len(self), np.int32)
        for number, size in enumerate(sizes):
            if size:
                own = faiss.rev_swig_ptr(lists.get_ids(number), size)
                rows[ends[number] : ends[number + 1]] = own
        return rows, ends

    def in_order(self) -> NDArray[np.int32]:
        """(n,) positions of all rows, list by list."""
        return self._members[0]

    @once
    def _list_of(self) -> NDArray[np.int32]:
        rows, ends = self._members
        found = np.empty(len(self), np.int32)
        found[rows] = np.repeat(np.arange(len(ends) - 1, dtype=np.int32), np.diff(ends))
        return found

    def nearness(self, queries: Floats) -> Floats:
        """(q, lists) float32 products of (q, dim) queries with the lists' centroids."""
        return products(self._centroids, queries)

    def held(self, near: Floats, probes: int) -> int:
        """How many rows lie in the ``probes`` lists nearest to a query; ``near`` as there."""
        _, ends = self._members
        lists = _highest(near, probes)
        return int((ends[lists + 1] - ends[lists]).sum())

    def count_nearer(
        self, rows: Rows, query: Floats, score: float, near: Floats, probes: int
    ) -> tuple[int, int]:
        """How many of a sample of the rows in the lists nearest to a query score more.

        Args:
            rows: all those of which these are the lists.
            query: (dim,) float32, of length 1.
            score: to be surpassed.
            near: (lists,) float32, its ``nearness``.
            probes: how many lists to sample.

        Returns:
            the count, and how many rows each of the sample stands for.
        """
        members, ends = self._members
        lists = _highest(near, probes)
        sizes = ends[lists + 1] - ends[lists]
        until = np.cumsum(sizes)
        each = max(1, -(-int(until[-1]) // _SAMPLE))
        places = np.arange(each // 2, until[-1], each)
        own = np.searchsorted(until, places, side="right")
        chosen = members[places + (ends[lists + 1] - until)[own]]
        scores = rows.take(chosen.astype(np.int64)) @ query
        return int(np.count_nonzero(scores > score)), each

    def count_by_codes(
        self, query: Floats, score: float, near: Floats, probes: int, most: int
    ) -> int:
        """How many rows in the lists nearest to a query have codes that promise more than a score.

        Args:
            query: (dim,) float32, of length 1.
            score: to be surpassed.
            near: (lists,) float32, its ``nearness``.
            probes: how many lists to read.
            most: how many are counted at most.
        """
        lists = _highest(near[None], probes)
        found, estimates = self._read(query[None], min(len(self), most), lists, near[None], None)
        return int(np.count_nonzero((estimates > score) & (found >= 0)))

    def append(self, matrix: Floats, on_step: OnStep = no_step) -> None:
        """Code the rows of ``matrix`` that are beyond those already here."""
        before, block = len(self), rows_at_once(self._index.nlist, matrix.shape[1])
        for start in range(before, len(matrix), block):
            self._index.add(np.ascontiguousarray(matrix[start : start + block]))
            on_step("coding", len(self) - before, len(matrix) - before)
        self.__dict__.pop("_list_of", None)
        self.__dict__.pop("_members", None)

    def measure(self, looked_up: Trials, on_step: OnStep = no_step) -> None:
        """Fill ``curves`` by looking up rows, and comparing with what an exact scan found."""
        looked_up = looked_up.fewer(_TRIED)
        together = partial(self.candidates, alone=False)
        self.curves = measured(together, steps_to(self._index.nlist), looked_up, on_step)

    def plan(self, recall: float, k: int, share: float = 1.0) -> ProbePlan | None:
        """The cheapest plan that reaches ``recall``; see ``plans.choose``."""
        return choose(self.curves, len(self), recall, k, share)

    def covered(self, reach: float) -> int:
        """The rank among all rows up to which a plan for the rank ``reach`` does as well."""
        return measured_depth(self.curves, reach)

    def candidates(
        self,
        queries: Floats,
        k: int,
        probes: int,
        keep: Passing | None = None,
        near: Floats | None = None,
        *,
        alone: bool = True,
    ) -> NDArray[np.int64]:
        """(q, m) int64 positions that probably hold the ``k`` nearest rows; -1 fills up.

        Args:
            queries: (q, dim) float32, unit rows.
            k: how many are wanted; some multiple of it is returned.
            probes: lists to read.
            keep: the rows that may be returned; lists without any are not read.
            near: (q, lists) float32, the queries' ``nearness`` where it is known.
            alone: whether this thread does it all, as where others answer other queries.
        """
        near = self.nearness(queries) if near is None else near
        if keep is not None and keep.share < _FEW:
            filled = self.filled(keep)
            lists = filled[_highest(near[:, filled], probes)]
        else:
            lists = _highest(near, probes)
        wanted = min(len(self), depth(k))
        return self._read(queries, wanted, lists, near, keep, alone=alone)[0]

    def sweep(
        self,
        queries: Floats,
        wanted: int,
        keep: Passing,
        near: Floats,
        lists: NDArray[np.int64] | None = None,
    ) -> tuple[NDArray[np.int64], Floats]:
        """Those whose codes look nearest in all lists: they are read wherever a filter leads.

        Args:
            queries: (q, dim) float32, unit rows.
            wanted: how many positions.
            keep: the rows that may be returned.
            near: (q, lists) float32, the queries' ``nearness``.
            lists: (m,) int64 numbers of those to read; ``None`` for all that hold any such rows.

        Returns:
            (q, wanted) int64 positions, -1 filling up, and the (q, wanted) float32 cosines that
            their codes estimate.
        """
        lists = self.filled(keep) if lists is None else lists
        each = np.broadcast_to(lists, (len(queries), len(lists)))
        return self._read(queries, min(len(self), wanted), each, near, keep)

    def filled(self, keep: Passing) -> NDArray[np.int64]:
        """(m,) int64 numbers of the lists with any rows that a filter lets through."""
        marks = np.zeros(self._index.nlist, bool)
        marks[self._list_of[keep.places]] = True
        return np.flatnonzero(marks)

    def _read(
        self,
        queries: Floats,
        wanted: int,
        lists: NDArray[np.int64],
        near: Floats,
        keep: Passing | None,
        *,
        alone: bool = True,
    ) -> tuple[NDArray[np.int64], Floats]:
        faiss = _faiss()
        lists = np.ascontiguousarray(lists)
        coarse = np.ascontiguousarray(np.take_along_axis(near, lists, axis=1))
        found = np.empty((len(queries), wanted), np.int64)
        estimates = np.empty((len(queries), wanted), np.float32)
        selector = None if keep is None else faiss.IDSelectorBitmap(keep.bits)
        settings = faiss.IVFRaBitQSearchParameters(
            nprobe=lists.shape[1], sel=selector, qb=_QUERY_BITS
        )
        with threads(faiss, 1 if alone else None):
            for start in range(0, len(queries), _TOGETHER):
                some = slice(start, start + _TOGETHER)
                each = (queries[some], lists[some], coarse[some], estimates[some], found[some])
                asked, near_lists, nearness, told, positions = map(faiss.swig_ptr, each)
                # The wrapper of this method refuses parameters, and the index's own are shared.
                self._index.search_preassigned_c(
                    len(each[0]),
                    *(asked, wanted, near_lists, nearness, told, positions),
                    False,
                    settings,
                )
        return found, estimates


def _highest(near: Floats, count: int) -> NDArray[np.int64]:
    """Places of the ``count`` highest of each row, unordered."""
    lists = near.shape[-1]
    if count >= lists:
        return np.broadcast_to(np.arange(lists), near.shape)
    highest: NDArray[np.int64] = np.argpartition(near, lists - count, axis=-1)[..., lists - count :]
    return highest


@contextmanager
def threads(faiss: Any, count: int | None) -> Iterator[None]:
    """Limit the threads that FAISS starts for this one; ``None`` is as many as it may."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(count or before)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
