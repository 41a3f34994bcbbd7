"""Approximate search for large collections: inverted lists of one-bit codes, in FAISS.

The codes (RaBitQ; Gao and Long, 2024) only choose candidates, which are then scored from the stored
vectors, so an answer can miss a row but never misplace or misprice one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.vectors.exact import Floats, Ids, Mask, nearest, products

_ADD_BLOCK = 1 << 16  # rows coded at a time; Ctrl-C is heard in between
_SEED = 20240521
_MARGIN = 0.004  # recall aimed at beyond the wish, because the measured one is a sample
_FAIR, _PERFECT = 0.8, 0.998  # where a measured curve gets interesting, and where it ends
_GAIN = 0.001  # recall that three more steps of lists must bring to go on measuring
_QUERY_BITS = 8
_SHARED = 8  # queries from which on FAISS's threads share the work
DEPTHS = (10, 100, 1000)  # the k at which recall is measured


@dataclass(frozen=True, slots=True)
class IndexPolicy:
    """When to scan and when to approximate; the defaults come from ``benchmarks/search.py``.

    Attributes:
        exact_floats: collections of at most this many numbers (rows times columns) are scanned.
        cold_floats: a search of at most this many products is a scan while FAISS is not loaded,
            because loading it takes longer.
        gather_rows: a filter that lets through at most this many rows is answered by scoring them.
        lists_factor: there are this times the square root of the rows inverted lists.
        training_rows: rows a list's centroid is trained on.
        samples: rows whose neighbours are looked up to measure recall at the end of a build.
        growth: rows are added to trained lists until there are this times as many.
    """

    exact_floats: int = 4_000_000
    cold_floats: int = 64_000_000
    gather_rows: int = 10_000
    lists_factor: float = 2.0
    training_rows: int = 64
    samples: int = 200
    growth: float = 2.0


def _faiss() -> Any:
    """FAISS, loaded late because it takes a third of a second; its stubs miss half of its calls."""
    import faiss

    return faiss


class Plan(NamedTuple):
    """How many lists to probe, and the recall that measured."""

    probes: int
    recall: float


Curves = dict[int, list[Plan]]


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
    def train(cls, matrix: Floats, policy: IndexPolicy) -> InvertedLists:
        """Lay out lists for the (n, dim) rows of ``matrix``; holds no rows yet."""
        faiss = _faiss()
        rows, dim = matrix.shape
        lists = max(1, min(rows // 2, round(policy.lists_factor * rows**0.5)))
        rng = np.random.default_rng(_SEED)
        chosen = rng.choice(rows, min(rows, lists * policy.training_rows), replace=False)
        sample = np.ascontiguousarray(matrix[np.sort(chosen)])
        means = faiss.Kmeans(
            dim, lists, niter=8, spherical=True, seed=_SEED, min_points_per_centroid=1
        )
        means.train(sample)
        quantizer = faiss.IndexFlatIP(dim)
        quantizer.add(means.centroids)
        index = faiss.IndexIVFRaBitQFastScan(quantizer, dim, lists, faiss.METRIC_INNER_PRODUCT)
        index.train(sample)
        return cls(f"IVF{lists},RaBitQfs", rows, {}, lambda: index)

    @classmethod
    def from_bytes(cls, data: NDArray[np.uint8], header: dict[str, Any]) -> InvertedLists:
        """Lists from what ``to_bytes`` and ``header`` gave, whose checksums the caller compared.

        Raises:
            KeyError, TypeError, ValueError: the header is of another make.
        """

        def load() -> Any:
            return _faiss().deserialize_index(data)

        curves = {
            int(k): [Plan(int(probes), float(recall)) for probes, recall in plans]
            for k, plans in header["curves"].items()
        }
        return cls(str(header["kind"]), int(header["trained_on"]), curves, load)

    def to_bytes(self) -> NDArray[np.uint8]:
        """FAISS's own serialisation."""
        data: NDArray[np.uint8] = _faiss().serialize_index(self._index)
        return data

    def header(self) -> dict[str, Any]:
        """What ``from_bytes`` needs beside the bytes, as plain JSON types."""
        return {"kind": self.kind, "trained_on": self.trained_on, "curves": self.curves}

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def loaded(self) -> bool:
        """Whether FAISS holds the lists already."""
        return "_index" in self.__dict__

    def warm(self) -> None:
        """Load the lists and their centroids."""
        len(self._centroids)

    @cached_property
    def _index(self) -> Any:
        return self._load()

    @cached_property
    def _centroids(self) -> Floats:
        centroids: Floats = self._index.quantizer.reconstruct_n(0, self._index.nlist)
        return centroids

    @cached_property
    def _list_of(self) -> NDArray[np.int32]:
        faiss = _faiss()
        found = np.empty(len(self), np.int32)
        for number in range(self._index.nlist):
            size = self._index.invlists.list_size(number)
            if size:
                ids = faiss.rev_swig_ptr(self._index.invlists.get_ids(number), size)
                found[ids] = number
        return found

    def append(self, matrix: Floats) -> None:
        """Code the rows of ``matrix`` that are beyond those already here."""
        for start in range(len(self), len(matrix), _ADD_BLOCK):
            self._index.add(np.ascontiguousarray(matrix[start : start + _ADD_BLOCK]))
        self.__dict__.pop("_list_of", None)

    def measure(self, matrix: Floats, policy: IndexPolicy) -> None:
        """Fill ``curves`` by looking up rows of ``matrix`` and comparing with an exact scan."""
        rng = np.random.default_rng(_SEED + 1)
        own = rng.choice(len(matrix), min(policy.samples, len(matrix) // 2), replace=False)
        others = np.ones(len(matrix), bool)
        others[own] = False  # none may find itself
        self.curves = {}
        enough = 0
        for k in DEPTHS:
            if k * 4 <= len(matrix):
                queries = matrix[own[: max(20, len(own) * 10 // k)] if k > 100 else own]
                near = zip(queries, nearest(matrix, others, queries, k), strict=True)
                truth = [_best(matrix, query, found, k) for query, found in near]
                self.curves[k] = self._curve(queries, truth, k, others, enough)
                # A deeper search never needs fewer lists than a shallow one's first good guess.
                enough = next((n for n, recall in self.curves[k] if recall >= _FAIR), 0)

    def _curve(
        self, queries: Floats, truth: list[Ids], k: int, others: Mask, start: int
    ) -> list[Plan]:
        curve: list[Plan] = []
        for probes in _steps(self._index.nlist):
            if probes < start:
                continue
            found = self.candidates(queries, k, probes, others)
            curve.append(Plan(probes, _share_found(truth, found, len(others))))
            # Beyond some point only a deeper list of candidates would help, and it is not measured.
            flat = len(curve) > 3 and curve[-1].recall - curve[-4].recall < _GAIN
            if curve[-1].recall > _PERFECT or (flat and curve[-1].recall > _FAIR):
                break
        return curve

    def plan(self, recall: float, k: int, share: float = 1.0) -> Plan | None:
        """The cheapest plan that reaches ``recall`` for the ``k`` nearest; None if none does.

        Args:
            recall: from 0 to 1.
            k: how many are wanted.
            share: of the rows that a filter lets through. The k nearest of a tenth of the rows lie
                about as far out as the 10 k nearest of all, and need as many lists.
        """
        reach = k / share
        if _depth(k) * 8 > len(self) * share or reach > 4 * max(self.curves, default=0):
            return None
        curve = self.curves[min((d for d in self.curves if d >= reach), default=max(self.curves))]
        top = max(plan.recall for plan in curve)
        if top < recall or recall == 1:  # a sample proves nothing perfect
            return None
        wanted = min(recall + _MARGIN, top)
        place = next(i for i, plan in enumerate(curve) if plan.recall >= wanted)
        return _between(curve[place - 1], curve[place], wanted) if place else curve[0]

    def candidates(
        self, queries: Floats, k: int, probes: int, keep: Mask | None = None
    ) -> NDArray[np.int64]:
        """(q, m) int64 positions that probably hold the ``k`` nearest rows; -1 fills up.

        Args:
            queries: (q, dim) float32, unit rows.
            k: how many are wanted; some multiple of it is returned.
            probes: lists to read.
            keep: (n,) bool of the rows that may be returned; lists without any are not read.
        """
        faiss = _faiss()
        depth = min(len(self), _depth(k))
        lists, coarse = self._nearest_lists(queries, probes, keep)
        found = np.empty((len(queries), depth), np.int64)
        estimates = np.empty((len(queries), depth), np.float32)
        bits = None if keep is None else np.packbits(keep, bitorder="little")
        selector = None if bits is None else faiss.IDSelectorBitmap(bits)
        settings = faiss.IVFRaBitQSearchParameters(
            nprobe=lists.shape[1], sel=selector, qb=_QUERY_BITS
        )
        with _threads(faiss, 1 if len(queries) < _SHARED else None):
            # The wrapper of this method refuses parameters, and the index's own are shared.
            self._index.search_preassigned_c(
                len(queries),
                faiss.swig_ptr(queries),
                depth,
                faiss.swig_ptr(lists),
                faiss.swig_ptr(coarse),
                faiss.swig_ptr(estimates),
                faiss.swig_ptr(found),
                False,
                settings,
            )
        return found

    def _nearest_lists(
        self, queries: Floats, probes: int, keep: Mask | None
    ) -> tuple[NDArray[np.int64], Floats]:
        near = products(self._centroids, queries)
        if keep is not None and np.count_nonzero(keep) * 5 < len(keep):
            filled = np.zeros(self._index.nlist, bool)
            filled[self._list_of[np.flatnonzero(keep)]] = True
            near[:, ~filled] = -np.inf
            probes = min(probes, int(filled.sum()))
        probes = max(1, min(probes, self._index.nlist))
        if probes < self._index.nlist:
            lists = np.argpartition(-near, probes - 1, axis=1)[:, :probes]
        else:
            lists = np.broadcast_to(np.arange(probes), near.shape)
        chosen = np.take_along_axis(near, lists, axis=1)
        return np.ascontiguousarray(lists, np.int64), np.ascontiguousarray(chosen, np.float32)


@contextmanager
def _threads(faiss: Any, count: int | None) -> Iterator[None]:
    """Limit the threads of FAISS in this thread; a lone query gains nothing by waiting for two."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(count or before)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _depth(k: int) -> int:
    """Candidates to score for the ``k`` nearest: one-bit codes order the very near ones roughly."""
    return 200 + 6 * k


def _between(low: Plan, high: Plan, recall: float) -> Plan:
    """A plan of just that recall: it grows ever slower with the logarithm of the lists probed."""
    share = (recall - low.recall) / (high.recall - low.recall)
    return Plan(math.ceil(low.probes * (high.probes / low.probes) ** share), recall)


def _steps(lists: int) -> list[int]:
    steps = {min(lists, round(2 ** (half / 2))) for half in range(2 * lists.bit_length() + 1)}
    return sorted(steps)


def _share_found(truth: list[Ids], found: NDArray[np.int64], count: int) -> float:
    marks = np.zeros(count, bool)
    shares = []
    for true, row in zip(truth, found, strict=True):
        row = row[row >= 0]
        marks[row] = True
        shares.append(marks[true].mean())
        marks[row] = False
    return round(float(np.mean(shares)), 4)


def _best(matrix: Floats, query: Floats, found: Ids, k: int) -> Ids:
    scores = matrix[found] @ query
    best: Ids = found[np.argpartition(-scores, min(k, len(found)) - 1)[:k]]
    return best
