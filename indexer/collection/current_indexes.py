"""The vector indexes of a collection in memory, brought up to the commit it answers for."""

from __future__ import annotations

import os
import threading

import numpy as np
from numpy.typing import NDArray

from indexer.collection.residence import Residence
from indexer.errors import InputError
from indexer.store import segments
from indexer.vectors import indexes
from indexer.vectors.indexes import IndexFiles, LoadedIndex, SegmentGoneError, catch_up

_ATTEMPTS = 5  # readings of a segment list that a writer merged away meanwhile


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

    @property
    def notes(self) -> list[str]:
        """Lines for people about files that could not be used and were replaced in memory."""
        return [loaded.note for loaded in self._loaded.values() if loaded.note]

    def get(self, space: str) -> LoadedIndex:
        """A space's index with what it covers, up to date.

        Raises:
            InputError: the collection has no such space.
            CollectionError: a segment is damaged.
        """
        with self._guard:
            for attempt in range(_ATTEMPTS):
                try:
                    return self._caught_up(space)
                except SegmentGoneError:
                    if attempt == _ATTEMPTS - 1:
                        raise
                    self._residence.refresh()
        raise AssertionError("unreachable")

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
        """Ids deleted after a commit, up to this reader's, and not back: (n,) int64."""
        return self._since("deletions", seq)

    def revived_since(self, seq: int) -> NDArray[np.int64]:
        """Ids that came back after a commit, up to this reader's: (n,) int64, doubled or not."""
        return self._since("revivals", seq)

    def _since(self, table: str, seq: int) -> NDArray[np.int64]:
        with self._residence.reading() as connection:
            found = connection.execute(
                f"SELECT image_id FROM {table} WHERE seq > ? AND seq <= ?",
                [seq, self._residence.state.seq],
            ).fetchnumpy()["image_id"]
        return np.asarray(np.ma.getdata(found), np.int64)

    def forget(self, space: str) -> None:
        """Drop a space's index from memory, so that it is loaded anew."""
        self._loaded.pop(space, None)

    def clear(self) -> None:
        """Give the memory back."""
        self._loaded.clear()

    def _caught_up(self, space: str) -> LoadedIndex:
        state = self._residence.state
        loaded = self._loaded.get(space)
        if loaded is not None and loaded.seq == state.seq:  # every query's way: no files are asked
            return loaded
        files = self.files(space)
        if loaded is None:
            loaded = self._loaded.setdefault(space, files.load())
        if loaded.seq != state.seq:
            deleted, revived = self.deleted_since(loaded.seq), self.revived_since(loaded.seq)
            folder = os.path.join(self._directory, segments.FOLDER)
            catch_up(loaded, files, folder, state.segments, state.seq, deleted, revived)
        return loaded
