"""Approximate search for large collections: inverted lists of one-bit codes, in FAISS.

The codes (RaBitQ; Gao and Long, 2024) only choose candidates, which are then scored from the stored
vectors, so an answer can miss a row but never misplace or misprice one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.vectors.exact import Floats, Mask, products
from vitrail.indexer.vectors.plans import (
    Curves,
    ProbePlan,
    choose,
    depth,
    measure,
    measured_depth,
)
from vitrail.indexer.vectors.policy import IndexPolicy

if TYPE_CHECKING:
    from vitrail.indexer.vectors.rows import Rows

_ADD_BLOCK = 1 << 16  # rows coded at a time; Ctrl-C is heard in between
_SEED = 20240521
_QUERY_BITS = 8
_SAMPLE = 1024  # rows by which it is told how many are nearer than a score
_SHARED = 8  # queries from which on FAISS's threads share the work


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
        self._sample: Floats | None = None

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
            int(k): [ProbePlan(int(probes), float(recall)) for probes, recall in plans]
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

    def copied(self) -> InvertedLists:
        """The same lists once more, for rows to be appended to."""
        index = self._index
        return InvertedLists(
            self.kind, self.trained_on, self.curves, lambda: _faiss().clone_index(index)
        )

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

    def sampled(self, rows: Rows) -> Floats:
        """(s, dim) float32 of the rows of which these are the lists, evenly spaced.

        Args:
            rows: all of them.
        """
        if self._sample is None:
            count = len(rows.ids)
            self._sample = rows.take(
                np.linspace(0, count - 1, min(_SAMPLE, count)).astype(np.int64)
            )
        return self._sample

    def append(self, matrix: Floats) -> None:
        """Code the rows of ``matrix`` that are beyond those already here."""
        for start in range(len(self), len(matrix), _ADD_BLOCK):
            self._index.add(np.ascontiguousarray(matrix[start : start + _ADD_BLOCK]))
        self.__dict__.pop("_list_of", None)
        self._sample = None

    def measure(self, matrix: Floats, policy: IndexPolicy) -> None:
        """Fill ``curves`` by looking up rows of ``matrix`` and comparing with an exact scan."""
        self.curves = measure(self.candidates, self._index.nlist, matrix, policy.samples)

    def plan(self, recall: float, k: int, share: float = 1.0) -> ProbePlan | None:
        """The cheapest plan that reaches ``recall``; see ``plans.choose``."""
        return choose(self.curves, len(self), recall, k, share)

    def covered(self, reach: float) -> int:
        """The rank among all rows up to which a plan for the rank ``reach`` does as well."""
        return measured_depth(self.curves, reach)

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
        wanted = min(len(self), depth(k))
        lists, coarse = self._nearest_lists(queries, probes, keep)
        found = np.empty((len(queries), wanted), np.int64)
        estimates = np.empty((len(queries), wanted), np.float32)
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
                wanted,
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
