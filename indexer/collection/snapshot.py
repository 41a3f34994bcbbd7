"""One commit of a collection, whole and unchanging: what searches and analyses read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.collection.answering import Answering
from vitrail.indexer.collection.current_indexes import CurrentIndexes, Start
from vitrail.indexer.collection.readings import CatalogCopy
from vitrail.indexer.errors import CollectionError, InputError
from vitrail.indexer.spaces import base_of
from vitrail.indexer.vectors.indexes import LoadedIndex

if TYPE_CHECKING:
    from vitrail.indexer.vectors.index import VectorIndex
    from vitrail.indexer.vectors.whitening import Whitening

BLOCK_ROWS = 16_384


class Snapshot(Answering):
    """One commit of a collection: images, filters, metadata and vectors, all of that commit.

    Ids are (n,) int64, ascending where they are not asked for in an order; vectors (n, dim) float32
    unit rows. What an image or a space that it lacks is asked for raises ``InputError``, a filter
    that cannot be used ``FilterError``, and a file that is damaged or cannot be read now a
    ``CollectionError``, whichever of its methods reads it.

    Any number of threads may read it, while others take newer ones and other processes write. It
    lives for as long as somebody holds it; its memory, shared with its neighbours as far as they
    agree, goes back by itself. Where it is held for longer than a writer keeps the segments that it
    merged (a quarter of an hour), an index that was not loaded by then cannot be any more.

    Args:
        readings: of the commit's catalog.
        indexes: shared by the snapshots of a collection.
    """

    def __init__(self, readings: CatalogCopy, indexes: CurrentIndexes) -> None:
        self._copy = readings
        self._shared = indexes
        state = readings.state
        newest = indexes.newest().items()
        # To begin with where an index of this commit is asked for when there are newer ones: that
        # of an earlier commit, until there is its own.
        self._starts = {space: start for space, start in newest if start.leads_to(state)}
        self._indexes: dict[str, LoadedIndex] = {}

    @property
    def readings(self) -> CatalogCopy:
        """Of the catalog as of this commit."""
        return self._copy

    def index(self, space: str, *, anew: bool = True) -> VectorIndex:
        """The vector index of a space as of this commit.

        Args:
            space: its name.
            anew: whether to read all segments where the saved index is of a later commit, which
                takes a minute for a million images.

        Raises:
            InputError: the collection has no such space.
            NewerIndexError: the saved index is of a later commit; without ``anew``.
            CollectionError: a segment is damaged, cannot be read now, or was merged away.
        """
        return self.loaded(space, anew=anew).index

    def loaded(self, space: str, *, anew: bool = True) -> LoadedIndex:
        """As ``index``, with what it covers."""
        held = self._indexes.get(space)
        if held is None:
            held = self._shared.get(space, self._copy, self._starts, anew=anew)
            self._indexes[space] = held
            # Another thread may be about to ask for it.
            digest = self._shared.files(space, self.state).digest
            self._starts[space] = Start(self.state.incarnation, held, digest)
        return held

    def transform(self, space: str) -> Whitening:
        """How a derived space is worked out of the stored one that it is named after.

        Raises:
            InputError: there is no such derived space.
            CollectionError: its file is missing, damaged, or cannot be read now.
        """
        return self._shared.transform(space, self.state)

    def fitted_rows(self, space: str) -> int:
        """On how many images the transform of a derived space was fitted.

        Raises:
            InputError: there is no such derived space.
        """
        derived = {one.name: one.fitted_rows for one in self.state.derived}
        if space not in derived:
            raise InputError(f"space {space!r} is not derived in this collection")
        return derived[space]

    def blocks(
        self, space: str, rows: int = BLOCK_ROWS
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """All stored vectors of live images, in bounded memory.

        Args:
            space: name of the space.
            rows: of a block, at most.

        Yields:
            (n,) int64 ascending ids and their (n, dim) float32 unit vectors.

        Raises:
            InputError: the collection has no such space.
            CollectionError: vectors are damaged or cannot be read now.
        """
        index = self.index(space)
        ids = index.ids()
        for first in range(0, len(ids), rows):
            chosen = ids[first : first + rows]
            yield chosen, index.vectors(chosen)

    def warm(self) -> None:
        """Load what is needed to answer within milliseconds.

        A derived space that cannot be worked out is passed over: whoever asks for it is told.
        """
        self._copy.metadata_cache(at_once=True)
        self._copy.flatten()
        for space in self.spaces:
            with suppress(CollectionError) if base_of(space) else nullcontext():
                self.index(space).warm()

    def follow(self, earlier: Snapshot) -> None:
        """Load what was loaded of an earlier commit, so that whoever asks next need not wait.

        Raises:
            CollectionError: as ``index``.
        """
        self._copy.follow(earlier._copy)
        for space in list(earlier._indexes):
            if space in self.spaces:
                self.index(space, anew=False)
