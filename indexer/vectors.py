"""The vector index: ids in, nearest ids out, exact or marked as approximate."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np

from indexer.errors import DamagedIndexError, InputError
from indexer.exact import Floats, Ids, best
from indexer.index_file import read_index_file, write_index_file
from indexer.rows import Rows, Tail

_UNIT = 1e-3  # how far from 1 a vector's length may be
_EAGER = 64 << 20  # bytes of vectors whose checksum is compared at every load


class Found(NamedTuple):
    """The answer to a search.

    Attributes:
        ids: (q, k) int64, best first, -1 where there were fewer than k.
        scores: (q, k) float32 cosines from the stored vectors; -inf beside an id of -1.
        exact: whether no better row can exist.
        scanned: stored rows compared with a query, all queries together.
    """

    ids: Ids
    scores: Floats
    exact: bool
    scanned: int


class VectorIndex:
    """Cosine search over unit vectors known by int64 ids.

    Three parts are searched as one: rows of the last build, rows added since, and the set of hidden
    rows, which is honoured by the very next search. Searching threads may share an index; adding,
    hiding and building must not overlap with anything else. Made by ``create`` or ``load``.
    """

    def __init__(self, dim: int, base: Rows) -> None:
        self.dim = dim
        self._base = base
        self._tail = Tail(dim)

    @classmethod
    def create(cls, dim: int) -> VectorIndex:
        """An empty index of ``dim`` columns.

        Raises:
            InputError: ``dim`` is not positive.
        """
        if dim < 1:
            raise InputError(f"an index needs at least 1 dimension, not {dim}")
        return cls(dim, Rows(np.empty(0, np.int64), np.empty((0, dim), np.float32)))

    def __len__(self) -> int:
        return len(self._base) + len(self._tail)

    @property
    def kind(self) -> str:
        """The type chosen by the last build: ``exact``, or a FAISS factory string."""
        return "exact"

    @property
    def estimated_recall(self) -> float | None:
        """Recall@10 of an approximate search as measured at the last build; 1 when exact."""
        return 1.0

    def add(self, ids: Ids, vectors: Floats) -> None:
        """Make rows searchable at once.

        Args:
            ids: (n,) int64, not negative, each new (or hidden).
            vectors: (n, dim) float32, unit rows.

        Raises:
            InputError: shapes disagree, an id is negative, doubled or known, or a row is not finite
                or not of length 1.
        """
        ids = np.asarray(ids, np.int64)
        vectors = self._checked(vectors, "vector")
        if ids.ndim != 1 or len(ids) != len(vectors):
            raise InputError(f"{ids.size} ids were given for {len(vectors)} vectors")
        self._check_new(ids)
        if len(ids):
            self._tail.append(ids, vectors)

    def hide(self, ids: Ids) -> None:
        """Keep rows out of every search from now on; unknown and hidden ids are ignored.

        Args:
            ids: (n,) int64.
        """
        ids = np.asarray(ids, np.int64)
        self._base.hide(ids)
        self._tail.hide(ids)

    def search(
        self,
        queries: Floats,
        k: int,
        *,
        allowed: Ids | None = None,
        exact: bool = False,
        recall: float = 0.98,
    ) -> Found:
        """The ``k`` nearest rows of each query, by cosine, equal ones by ascending id.

        Args:
            queries: (q, dim) float32, unit rows.
            k: how many; more than there are gives all, padded with -1.
            allowed: (n,) int64 ascending ids to choose from; unknown ones are ignored.
            exact: compare with every row.
            recall: the share of the true ``k`` nearest that an approximate search should find.

        Raises:
            InputError: ``k`` is not positive, ``recall`` not in (0, 1], or a query has another
                width, is not finite or not of length 1.
        """
        queries = self._checked(queries, "query")
        if k < 1:
            raise InputError(f"k must be at least 1, not {k}")
        if not 0 < recall <= 1:
            raise InputError(f"recall must be above 0 and at most 1, not {recall}")
        wanted = None if allowed is None else np.asarray(allowed, np.int64)
        parts, scanned = [], 0
        for rows in (self._base, self._tail):
            if len(rows):
                found, count = _scan(rows, queries, min(k, len(self)), wanted)
                parts.append(found)
                scanned += count
        return _merged(parts, len(queries), k, exact=True, scanned=scanned)

    def vectors(self, ids: Ids) -> Floats:
        """(n, dim) float32 stored rows of (n,) int64 ids, in their order.

        Raises:
            KeyError: an id is unknown or hidden.
        """
        ids = np.asarray(ids, np.int64)
        in_base, in_tail = self._base.positions(ids), self._tail.positions(ids)
        missing = (in_base < 0) & (in_tail < 0)
        if missing.any():
            raise KeyError(int(ids[missing][0]))
        rows = np.empty((len(ids), self.dim), np.float32)
        rows[in_base >= 0] = self._base.matrix[in_base[in_base >= 0]]
        rows[in_tail >= 0] = self._tail.matrix[in_tail[in_tail >= 0]]
        return rows

    def ids(self) -> Ids:
        """(n,) int64 ids that a search can return, ascending."""
        return np.sort(np.concatenate([rows.ids[~rows.hidden] for rows in self._parts()]))

    def build(self) -> None:
        """Fold added rows in, drop hidden ones and choose the type by size; again changes nothing."""
        if len(self._tail.ids) or self._base.hidden_count:
            self._base = self._merged_rows()
            self._tail = Tail(self.dim)

    def save(self, path: str | os.PathLike[str], meta: dict[str, Any]) -> None:
        """Write the index and ``meta`` (plain JSON types) durably, in one step.

        Raises:
            OSError: the disk is full or not writable; an older file at ``path`` is untouched.
        """
        # What was added is sorted in; a search of the loaded index sees the same rows.
        rows = self._merged_rows()
        header = {"kind": self.kind, "dim": self.dim, "count": len(rows.ids), "meta": meta}
        write_index_file(path, header, {"ids": rows.ids, "vectors": rows.matrix})

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, verify: bool = False
    ) -> tuple[VectorIndex, dict[str, Any]]:
        """Open a saved index, its vectors mapped from the file, and the ``meta`` saved with it.

        Ids and search structures are always compared with their checksums, vectors when they are
        small or ``verify`` asks for it.

        Raises:
            DamagedIndexError: missing, torn, altered, foreign or of a newer format.
        """
        file = read_index_file(path)
        small = "vectors" in file.sections and file.sections["vectors"].length <= _EAGER
        file.verify(None if verify or small else file.sections.keys() - {"vectors"})
        ids, matrix = file.array("ids"), file.array("vectors")
        dim, meta = file.header.get("dim"), file.header.get("meta")
        if matrix.shape != (len(ids), dim) or not isinstance(meta, dict):
            raise DamagedIndexError(
                file.path, f"{len(ids)} ids and vectors of shape {matrix.shape} disagree"
            )
        return cls(matrix.shape[1], Rows(ids, matrix)), meta

    def _parts(self) -> tuple[Rows, Rows]:
        return self._base, self._tail

    def _merged_rows(self) -> Rows:
        base, tail = self._base.kept(), self._tail.kept()
        if not len(tail.ids):
            return base
        if not len(base.ids):
            return Rows(tail.ids.copy(), tail.matrix.copy())
        ids = np.concatenate([base.ids, tail.ids])
        matrix = np.concatenate([base.matrix, tail.matrix])
        if base.ids[-1] < tail.ids[0]:
            return Rows(ids, matrix)
        order = np.argsort(ids)
        return Rows(ids[order], matrix[order])

    def _checked(self, rows: Floats, noun: str) -> Floats:
        rows = np.ascontiguousarray(rows, np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.dim:
            raise InputError(
                f"{noun} array of shape {rows.shape} does not fit this index of (n, {self.dim})"
            )
        lengths = np.sqrt(np.einsum("nd,nd->n", rows, rows))
        wrong = np.flatnonzero(~(np.abs(lengths - 1) <= _UNIT))  # true for NaN as well
        if len(wrong):
            raise InputError(
                f"{noun} {wrong[0]} has length {lengths[wrong[0]]:.6g} where 1 is expected: "
                "normalise it, and check that it is finite"
            )
        return rows

    def _check_new(self, ids: Ids) -> None:
        if len(ids) and ids.min() < 0:
            raise InputError(f"id {ids.min()} is negative; ids start at 0")
        values, counts = np.unique(ids, return_counts=True)
        if len(values) < len(ids):
            raise InputError(f"id {values[counts > 1][0]} is given twice")
        for rows in self._parts():
            known = rows.positions(values) >= 0
            if known.any():
                raise InputError(f"id {values[known][0]} is in the index already; hide it first")


def _scan(
    rows: Rows, queries: Floats, k: int, allowed: Ids | None
) -> tuple[list[tuple[Ids, Floats]], int]:
    """Exact candidates of each query, and how many rows were compared."""
    if allowed is not None and len(allowed) * 4 < len(rows.ids):
        positions = rows.positions(allowed)
        positions = np.unique(positions[positions >= 0])
        return rows.gather(queries, k, positions), len(positions) * len(queries)
    return rows.scan(queries, k, rows.visible(allowed)), len(rows.ids) * len(queries)


def _merged(
    parts: list[list[tuple[Ids, Floats]]], count: int, k: int, *, exact: bool, scanned: int
) -> Found:
    ids = np.full((count, k), -1, np.int64)
    scores = np.full((count, k), -np.inf, np.float32)
    for i in range(count):
        found = np.concatenate([part[i][0] for part in parts] or [np.empty(0, np.int64)])
        values = np.concatenate([part[i][1] for part in parts] or [np.empty(0, np.float32)])
        order = best(found, values, k)
        ids[i, : len(order)] = found[order]
        scores[i, : len(order)] = np.clip(values[order], -1, 1)
    return Found(ids, scores, exact, scanned)
