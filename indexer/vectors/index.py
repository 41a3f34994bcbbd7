"""The vector index: ids in, nearest ids out, exact or marked as approximate."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.errors import DamagedIndexError, InputError
from indexer.vectors.answers import Found, Part, answer
from indexer.vectors.checks import check_new, unit_rows
from indexer.vectors.exact import Floats, Ids, Mask, score
from indexer.vectors.index_file import IndexFile, read_index_file, write_index_file
from indexer.vectors.lists import InvertedLists
from indexer.vectors.policy import IndexPolicy
from indexer.vectors.rows import Rows, Tail, merged

_EAGER = 64 << 20  # bytes of vectors whose checksum is compared at every load
_RECALL = 0.98
_PAGE = 4096  # bytes
_DEFAULT = IndexPolicy()


class VectorIndex:
    """Cosine search over unit vectors known by int64 ids.

    Three parts are searched as one: rows of the last build, rows added since, and the set of hidden
    rows, which is honoured by the very next search. Searching threads may share an index; adding,
    hiding and building must not overlap with anything else. Made by ``create`` or ``load``.
    """

    def __init__(self, dim: int, base: Rows, lists: InvertedLists | None, policy: IndexPolicy):
        self.dim = dim
        self.policy = policy
        self._base = base
        self._lists = lists
        self._tail = Tail(dim)

    @classmethod
    def create(cls, dim: int, *, policy: IndexPolicy = _DEFAULT) -> VectorIndex:
        """An empty index of ``dim`` columns.

        Raises:
            InputError: ``dim`` is not positive.
        """
        if dim < 1:
            raise InputError(f"an index needs at least 1 dimension, not {dim}")
        empty = Rows(np.empty(0, np.int64), np.empty((0, dim), np.float32))
        return cls(dim, empty, None, policy)

    def __len__(self) -> int:
        return len(self._base) + len(self._tail)

    @property
    def kind(self) -> str:
        """The type chosen by the last build: ``exact``, or a FAISS factory string."""
        return self._lists.kind if self._lists else "exact"

    @property
    def estimated_recall(self) -> float | None:
        """Recall@10 of a search with default arguments, measured at the last build; 1 if exact."""
        if self._lists is None:
            return 1.0
        plan = self._lists.plan(_RECALL, 10)
        return plan.recall if plan else 1.0

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
        vectors = unit_rows(vectors, self.dim, "vector")
        if ids.ndim != 1 or len(ids) != len(vectors):
            raise InputError(f"{ids.size} ids were given for {len(vectors)} vectors")
        check_new(ids, (self._base, self._tail))
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

    def reveal(self, ids: Ids) -> Ids:
        """Let hidden rows be found again, by the very next search.

        Args:
            ids: (n,) int64; visible ones are left as they are.

        Returns:
            (m,) int64 ascending ids whose rows are not stored here, because a build dropped them or
            because they never were: add them.
        """
        ids = np.unique(np.asarray(ids, np.int64))
        ids = ids[~self._tail.reveal(ids)]  # which holds the newer row of an id in both
        return ids[~self._base.reveal(ids)]

    def search(
        self,
        queries: Floats,
        k: int,
        *,
        allowed: Ids | None = None,
        exact: bool = False,
        recall: float = _RECALL,
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
        queries = unit_rows(queries, self.dim, "query")
        if k < 1:
            raise InputError(f"k must be at least 1, not {k}")
        if not 0 < recall <= 1:
            raise InputError(f"recall must be above 0 and at most 1, not {recall}")
        ids = None if allowed is None else np.asarray(allowed, np.int64)
        depth = min(k, len(self))
        if not depth or not len(queries):
            return answer([], len(queries), k, exact=True)
        parts, sure = [], True
        for rows in (self._base, self._tail):
            if len(rows):
                lists = self._lists if rows is self._base and not exact else None
                candidates, certain = self._search_part(rows, lists, queries, depth, ids, recall)
                parts.append(candidates)
                sure = sure and certain
        return answer(parts, len(queries), k, exact=sure)

    def _search_part(
        self,
        rows: Rows,
        lists: InvertedLists | None,
        queries: Floats,
        k: int,
        allowed: Ids | None,
        recall: float,
    ) -> tuple[Part, bool]:
        """Candidates of each query in one part, and whether none better can exist."""
        found = None if allowed is None else rows.positions(allowed)
        if found is not None:
            found = found[found >= 0]
            if len(found) > 1 and not (found[1:] > found[:-1]).all():
                found = np.unique(found)
            if len(found) <= (self.policy.gather_rows if lists else len(rows.ids) // 4):
                return Part(rows.gather(queries, k, found), len(found) * len(queries)), True
        keep = rows.visible() if found is None else rows.mask(found)
        if lists is not None and not self._quicker_cold(lists, len(queries)):
            share = (len(rows) if found is None else len(found)) / len(rows.ids)
            plan = lists.plan(recall, k, share)
            if plan is not None:
                return self._approximate(lists, queries, k, plan.probes, keep), False
        return Part(rows.scan(queries, k, keep), len(rows.ids) * len(queries)), True

    def _quicker_cold(self, lists: InvertedLists, queries: int) -> bool:
        """Whether a scan is done before FAISS would be loaded: a command's one query."""
        work = self._base.matrix.size * queries
        return not lists.loaded and "faiss" not in sys.modules and work <= self.policy.cold_floats

    def _approximate(
        self, lists: InvertedLists, queries: Floats, k: int, probes: int, keep: Mask | None
    ) -> Part:
        rows = self._base
        reachable = len(rows.ids) if keep is None else int(np.count_nonzero(keep))
        candidates, scanned = [], 0
        for query, row in zip(queries, lists.candidates(queries, k, probes, keep), strict=True):
            found = row[row >= 0]
            if len(found) < min(k, reachable):  # the lists that were read held too few
                candidates += rows.scan(query[None], k, keep)
                scanned += len(rows.ids)
            else:
                candidates.append((rows.ids[found], score(rows.matrix, found, query)))
                scanned += len(found)
        return Part(candidates, scanned)

    def warm(self) -> None:
        """Load what a first search would, and touch every page of the stored vectors.

        Scoring candidates reads a few hundred rows from all over the file, and a page that this
        process has not seen yet costs more than the row's product.
        """
        if self._lists is not None:
            self._lists.warm()
        page = max(1, _PAGE // max(1, self._base.matrix.strides[0]))
        self._base.matrix[::page, 0].sum()

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
        base, tail = self._base, self._tail
        return np.sort(np.concatenate([base.ids[~base.hidden], tail.ids[~tail.hidden]]))

    def build(self) -> None:
        """Fold added rows in, drop hidden ones, choose the type by size; again changes nothing.

        A million rows of 384 columns take about a minute on two cores and 3 GB.
        """
        rows, lists = self._base, self._lists
        changed = bool(len(self._tail.ids) or rows.hidden_count)
        rows = merged(self._base, self._tail)
        if rows.matrix.size <= self.policy.exact_floats:
            lists = None
        elif lists is None or changed:
            lists = self._next_lists(rows)
        self._base, self._lists, self._tail = rows, lists, Tail(self.dim)

    def save(self, path: str | os.PathLike[str], meta: dict[str, Any]) -> None:
        """Write the index and ``meta`` (plain JSON types) durably, in one step.

        Raises:
            OSError: the disk is full or not writable; an older file at ``path`` is untouched.
        """
        base, tail = self._base, self._tail.kept()
        header: dict[str, Any] = {"kind": self.kind, "dim": self.dim, "meta": meta}
        arrays: dict[str, NDArray[Any]] = {
            "ids": base.ids,
            "vectors": base.matrix,
            "hidden": base.hidden.view(np.uint8),
            "tail_ids": tail.ids,
            "tail_vectors": tail.matrix,
        }
        if self._lists is not None:
            header["lists"] = self._lists.header()
            arrays["lists"] = self._lists.to_bytes()
        write_index_file(path, header, arrays)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        verify: bool = False,
        policy: IndexPolicy = _DEFAULT,
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
        try:
            return cls._read(file, policy), dict(file.header["meta"])
        except (KeyError, TypeError, ValueError, InputError) as error:
            raise DamagedIndexError(file.path, f"its parts disagree ({error})") from error

    @classmethod
    def _read(cls, file: IndexFile, policy: IndexPolicy) -> VectorIndex:
        ids, matrix, hidden = (file.array(name) for name in ("ids", "vectors", "hidden"))
        dim = int(file.header["dim"])
        if matrix.shape != (len(ids), dim) or hidden.shape != ids.shape:
            raise ValueError(f"{len(ids)} ids, {len(hidden)} marks, vectors {matrix.shape}")
        lists = None
        if "lists" in file.header:
            lists = InvertedLists.from_bytes(file.array("lists"), file.header["lists"])
        index = cls(dim, Rows(ids, matrix, hidden.astype(bool)), lists, policy)
        index.add(file.array("tail_ids"), file.array("tail_vectors"))
        return index

    def _next_lists(self, rows: Rows) -> InvertedLists:
        """Lists over ``rows``, which begin with the base's own unless some of those were hidden."""
        old = self._lists
        grown = (
            old is not None
            and not self._base.hidden_count
            and len(rows.ids) <= self.policy.growth * old.trained_on
            and np.array_equal(rows.ids[: len(self._base.ids)], self._base.ids)
        )
        lists = old if old is not None and grown else InvertedLists.train(rows.matrix, self.policy)
        lists.append(rows.matrix)
        lists.measure(rows.matrix, self.policy)
        return lists
