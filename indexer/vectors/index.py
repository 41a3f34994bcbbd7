"""The vector index: ids in, nearest ids out, exact or marked as approximate."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np

from vitrail.indexer.building import OnStep, no_step
from vitrail.indexer.errors import CollectionError, DamagedIndexError, InputError, UnreadableError
from vitrail.indexer.vectors.answers import Neighbours, answer
from vitrail.indexer.vectors.checks import check_new, unit_rows
from vitrail.indexer.vectors.exact import Floats, Ids, ImpossibleScoreError
from vitrail.indexer.vectors.index_file import read_index_file
from vitrail.indexer.vectors.parts import Parts
from vitrail.indexer.vectors.parts_file import LATER, read_parts, write_parts
from vitrail.indexer.vectors.policy import IndexPolicy
from vitrail.indexer.vectors.room import Spill
from vitrail.indexer.vectors.rows import Rows
from vitrail.indexer.vectors.sharing import share_out
from vitrail.indexer.vectors.tail import Tail

_RECALL = 0.98
_DEFAULT = IndexPolicy()
_T = TypeVar("_T")


Rescue: TypeAlias = "Callable[[CollectionError, Ids], VectorIndex]"


class VectorIndex:
    """Cosine search over unit vectors known by int64 ids.

    Rows of the last build, and rows added since, are searched as one, hidden rows left out. An
    index never changes: what adds, hides or builds gives another one, which shares with this one
    all that is the same. So any number of threads may search one. Made by ``create`` or ``load``.

    Args:
        dim: columns of a vector.
        parts: the rows.
        source: where they come from, for messages.

    Attributes:
        dim: columns of a vector.
    """

    def __init__(self, dim: int, parts: Parts, *, source: str = "in memory"):
        self.dim = dim
        self._parts = parts
        self._source = source
        self._rescue: Rescue | None = None
        self._rescuing = threading.Lock()

    @classmethod
    def create(
        cls,
        dim: int,
        *,
        policy: IndexPolicy = _DEFAULT,
        folder: str | os.PathLike[str] | None = None,
    ) -> VectorIndex:
        """An empty index of ``dim`` columns.

        Args:
            dim: at least 1.
            policy: when to scan and when to approximate.
            folder: where vectors of over a gigabyte may lie until the index is saved, in files
                without a name; ``None`` keeps them in memory.

        Raises:
            InputError: ``dim`` is not positive.
        """
        if dim < 1:
            raise InputError(f"an index needs at least 1 dimension, not {dim}")
        empty = Rows(np.empty(0, np.int64), np.empty((0, dim), np.float32))
        spill = Spill(None if folder is None else os.fspath(folder))
        return cls(dim, Parts(empty, None, Tail.empty(dim, spill), policy))

    def __len__(self) -> int:
        return len(self._parts)

    @property
    def kind(self) -> str:
        """What the last build made: ``exact``, or FAISS factory strings."""
        return self._parts.kind

    @property
    def checked(self) -> float:
        """How much of the stored vectors has been compared with its checksums, from 0 to 1."""
        return self._parts.base.checked

    def with_rows(self, ids: Ids, vectors: Floats) -> VectorIndex:
        """This index and new rows.

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
        check_new(ids, (self._parts.base, self._parts.tail))
        return self._with(self._parts.with_rows(ids, vectors)) if len(ids) else self

    def without(self, ids: Ids) -> VectorIndex:
        """This index, but no search finds these rows; unknown and hidden ids are ignored.

        Args:
            ids: (n,) int64.
        """
        return self._with(self._parts.without(np.asarray(ids, np.int64)))

    def restored(self, ids: Ids) -> tuple[VectorIndex, Ids]:
        """This index, and hidden rows that a search shall find again.

        Args:
            ids: (n,) int64; visible ones are left as they are.

        Returns:
            the index, and (m,) int64 ascending ids whose rows are not stored here, because a build
            dropped them or because they never were: add them.
        """
        parts, lacking = self._parts.restored(np.unique(np.asarray(ids, np.int64)))
        return self._with(parts), lacking

    def rescued_by(self, rescue: Rescue) -> VectorIndex:
        """This index, and where to turn to if the vectors of its file are no good.

        Args:
            rescue: gives an index of the same rows from elsewhere, by the error and (n,) int64
                ascending ids, once those of this one's file turn out to be altered or cannot be
                read; without it, the error is raised.
        """
        index = self._with(self._parts)
        index._rescue = rescue
        return index

    def _with(self, parts: Parts) -> VectorIndex:
        return VectorIndex(self.dim, parts, source=self._source)

    def search(
        self,
        queries: Floats,
        k: int,
        *,
        allowed: Ids | None = None,
        exact: bool = False,
        recall: float = _RECALL,
    ) -> Neighbours:
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
            DamagedIndexError: stored vectors are altered, and there is no rescue.
            UnreadableError: they cannot be read now, and there is no rescue.
        """
        queries = unit_rows(queries, self.dim, "query")
        if k < 1:
            raise InputError(f"k must be at least 1, not {k}")
        if not 0 < recall <= 1:
            raise InputError(f"recall must be above 0 and at most 1, not {recall}")
        # An array that is right stays the one that it is, by which it is known again: numpy would
        # give another one of the same memory for a type that came out of another process.
        right = isinstance(allowed, np.ndarray) and allowed.dtype == np.int64
        ids = allowed if right or allowed is None else np.asarray(allowed, np.int64)

        def found(parts: Parts) -> Neighbours:
            depth = min(k, len(parts))
            if not depth or not len(queries):
                return answer([], len(queries), k)

            def some(asked: Floats) -> Neighbours:
                return answer(parts.search(asked, depth, ids, recall, exact=exact), len(asked), k)

            return share_out(some, queries) if parts.worth_sharing(queries, ids) else some(queries)

        return self._rescued(found)

    def warm(self) -> None:
        """Load what a first search would, and read all stored vectors, checksums compared.

        Raises:
            DamagedIndexError: stored vectors are altered, and there is no rescue.
            UnreadableError: they cannot be read now, and there is no rescue.
        """
        self._rescued(Parts.warm)

    def settle(self) -> None:
        """Wait until what is being made beside questions is there, as times and tests want it.

        A filter that is asked with again keeps something of its rows, to be answered sooner; once
        it was asked with often enough, a thread of its own makes that.
        """
        self._parts.settle()

    def vectors(self, ids: Ids) -> Floats:
        """(n, dim) float32 stored rows of (n,) int64 ids, in their order.

        Raises:
            KeyError: an id is unknown or hidden.
            DamagedIndexError: stored vectors are altered, and there is no rescue.
            UnreadableError: they cannot be read now, and there is no rescue.
        """
        wanted = np.asarray(ids, np.int64)
        return self._rescued(lambda parts: parts.vectors(wanted))

    def lacking(self, ids: Ids) -> Ids:
        """Those of (n,) int64 ids that a search cannot return, in their order."""
        return ids[~self._parts.holds(np.asarray(ids, np.int64))]

    def ids(self) -> Ids:
        """(n,) int64 ids that a search can return, ascending."""
        return self._parts.ids()

    def built(self, on_step: OnStep = no_step) -> VectorIndex:
        """The same rows, added ones folded in and hidden ones dropped, of the type for that size.

        A million rows of 384 columns took 350 s of a processor, on a busy machine.

        Args:
            on_step: told about once a second what is done, of how many rows. What it raises comes
                out of here, and this index stays what it is.

        Raises:
            DamagedIndexError: stored vectors are altered, and there is no rescue.
            UnreadableError: they cannot be read now, and there is no rescue.
        """
        return self._with(self._rescued(lambda parts: parts.built(on_step)))

    def save(
        self, path: str | os.PathLike[str], meta: dict[str, Any], on_step: OnStep = no_step
    ) -> None:
        """Write the index and ``meta`` (plain JSON types) durably, in one step.

        Args:
            path: the file.
            meta: given back by ``load``.
            on_step: told of ``writing``. What it raises comes out of here, and an older file at
                ``path`` is untouched.

        Raises:
            OSError: the disk is full or not writable; an older file at ``path`` is untouched.
            DamagedIndexError: stored vectors are altered, and there is no rescue.
            UnreadableError: they cannot be read now, and there is no rescue.
        """
        self._rescued(lambda parts: write_parts(path, parts, self.dim, meta, on_step))

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        verify: bool = False,
        policy: IndexPolicy = _DEFAULT,
    ) -> tuple[VectorIndex, dict[str, Any]]:
        """Open a saved index, and the ``meta`` saved with it.

        Everything is compared with its checksums, but for the vectors and the graph of a large
        file: those are compared where they are first read, vectors block by block, or at once if
        ``verify`` asks for it.

        What is added to it may lie in the file's folder, as what ``create`` says of its own.

        Raises:
            FileNotFoundError: it is not there.
            UnreadableError: it cannot be read now.
            DamagedIndexError: torn, altered, foreign or of a newer format.
        """
        file = read_index_file(path)
        lazily = file.large and not verify
        file.verify(file.sections.keys() - LATER if lazily else None)
        try:
            dim, parts = read_parts(file, policy, lazily=lazily)
            return cls(dim, parts, source=file.path), dict(file.header["meta"])
        except (KeyError, TypeError, ValueError, InputError) as error:
            raise DamagedIndexError(file.path, f"its parts disagree ({error})") from error

    def _rescued(self, work: Callable[[Parts], _T]) -> _T:
        """What ``work`` makes of the parts, or of those from elsewhere where these are no good."""
        parts = self._parts
        try:
            return self._attempted(work, parts)
        except (DamagedIndexError, UnreadableError) as error:
            with self._rescuing:
                if self._parts is parts:  # otherwise another thread was quicker
                    if self._rescue is None:
                        raise
                    self._parts = self._rescue(error, parts.ids())._parts
                    self._rescue = None
        return self._attempted(work, self._parts)

    def _attempted(self, work: Callable[[Parts], _T], parts: Parts) -> _T:
        try:
            return work(parts)
        except ImpossibleScoreError as error:
            raise DamagedIndexError(self._source, str(error)) from error
