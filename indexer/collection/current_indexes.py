"""The vector indexes of a collection in memory, brought up to the commit it answers for."""

from __future__ import annotations

import os
import threading
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.collection.residence import Residence
from vitrail.indexer.collection.retrying import at_newest
from vitrail.indexer.errors import CollectionError, InputError
from vitrail.indexer.store import segments
from vitrail.indexer.vectors import indexes
from vitrail.indexer.vectors.indexes import IndexFiles, LoadedIndex, catch_up

if TYPE_CHECKING:
    from vitrail.indexer.vectors.index import VectorIndex


class CurrentIndexes:
    """One index a space, loaded when first asked for.

    Args:
        directory: the collection's.
        residence: its readings.
        guard: held while anything changes.
    """

    def __init__(self, directory: str, residence: Residence, guard: threading.RLock) -> None:
        self._directory = directory
        self._residence = residence
        self._guard = guard
        self._loaded: dict[str, LoadedIndex] = {}
        self._incarnation = ""  # of the catalog that they were loaded for

    @property
    def notes(self) -> list[str]:
        """Lines for people about files that could not be used and were replaced in memory."""
        return [loaded.note for loaded in self._loaded.values() if loaded.note]

    def get(self, space: str) -> LoadedIndex:
        """A space's index with what it covers, up to date.

        Raises:
            InputError: the collection has no such space.
            SegmentGoneError: a segment is lost.
            UnreadableError: a segment cannot be read now.
            DamagedError: a segment is damaged.
        """
        with self._guard:
            return at_newest(self._residence, lambda: self._caught_up(space))

    def files(self, space: str) -> IndexFiles:
        """The files that cache a space's index.

        Raises:
            InputError: the collection has no such space.
        """
        state = self._residence.state
        spaces = dict(state.fingerprint.spaces)
        if space not in spaces:
            raise InputError(
                f"space {space!r} is not in this collection, which has {', '.join(spaces)}"
            )
        return IndexFiles(
            folder=os.path.join(self._directory, indexes.FOLDER),
            space=space,
            dim=spaces[space],
            digest=state.fingerprint.digest,
            incarnation=state.incarnation,
        )

    def deleted_since(self, seq: int) -> NDArray[np.int64]:
        """Ids deleted after a commit, up to this reader's, and not back since: (n,) int64."""
        return self._changed_since("deletions", seq)

    def revived_since(self, seq: int) -> NDArray[np.int64]:
        """Ids that came back after a commit, up to this reader's: (n,) int64."""
        return self._changed_since("revivals", seq)

    def _changed_since(self, table: str, seq: int) -> NDArray[np.int64]:
        with self._residence.reading() as connection:
            found = connection.execute(
                f"SELECT image_id FROM {table} WHERE seq > ? AND seq <= ?",
                [seq, self._residence.state.seq],
            ).fetchnumpy()["image_id"]
        return np.asarray(np.ma.getdata(found), np.int64)

    def checked(self, space: str) -> float | None:
        """Which share of a space's vectors was compared with checksums; ``None``: not loaded."""
        loaded = self._loaded.get(space)
        return None if loaded is None else loaded.index.checked

    def forget(self, space: str) -> None:
        """Drop a space's index from memory, so that it is loaded anew."""
        self._loaded.pop(space, None)

    def clear(self) -> None:
        """Give the memory back."""
        self._loaded.clear()

    def _caught_up(self, space: str) -> LoadedIndex:
        state = self._residence.state
        if state.incarnation != self._incarnation:  # rebuilt, or embedded anew, since
            self._loaded.clear()
            self._incarnation = state.incarnation
        loaded = self._loaded.get(space)
        if loaded is not None and loaded.seq == state.seq:  # every query's way: no files are asked
            return loaded
        files = self.files(space)
        if loaded is None:
            loaded = self._loaded.setdefault(space, files.load())
            loaded.index.rescue = partial(self._rebuilt, space, loaded)
        if loaded.seq > state.seq:  # a writer saved it after this reader's commit
            self._residence.refresh()
            state = self._residence.state
            if loaded.seq > state.seq:
                loaded = self._loaded[space] = files.empty("its file is of a commit never made")
        if loaded.seq != state.seq:
            self._catch_up(files, loaded)
        return loaded

    def _catch_up(self, files: IndexFiles, loaded: LoadedIndex) -> None:
        state = self._residence.state
        deleted, revived = self.deleted_since(loaded.seq), self.revived_since(loaded.seq)
        folder = os.path.join(self._directory, segments.FOLDER)
        catch_up(loaded, files, folder, state.segments, state.seq, deleted, revived)

    def _rebuilt(self, space: str, loaded: LoadedIndex, error: CollectionError) -> VectorIndex:
        """An index from the segments alone, in place of a file that turned out to be no good."""
        files = self.files(space)

        def read() -> LoadedIndex:
            fresh = files.empty()
            self._catch_up(files, fresh)
            return fresh

        with self._guard:
            fresh = at_newest(self._residence, read)
            loaded.max_id, loaded.seq = fresh.max_id, fresh.seq
            loaded.note = f"{error}; answered from the segments"
            return fresh.index
