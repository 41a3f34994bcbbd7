"""The snapshot that a collection answers with, and how it moves on to newer ones."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress

from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.collection.current_indexes import CurrentIndexes
from vitrail.indexer.collection.readings import CatalogCopy, CatalogFile
from vitrail.indexer.collection.snapshot import Snapshot
from vitrail.indexer.errors import CollectionError


class CurrentSnapshot:
    """The snapshot of the commit that a ``CollectionStore`` is at; threads may share it.

    Args:
        directory: the collection's, absolute.
        catalog: its catalog.
        guard: held by the thread that makes another one.
        file: readings of a writer, whose commit is the one; a reader stays at its own.

    Attributes:
        indexes: what its snapshots share.
    """

    def __init__(
        self,
        directory: str,
        catalog: Catalog,
        guard: threading.RLock,
        file: CatalogFile | None = None,
    ) -> None:
        self.indexes = CurrentIndexes(directory)
        self._directory = directory
        self._catalog = catalog
        self._guard = guard
        self._file = file
        self._snapshot: Snapshot | None = None
        self._closed = False

    def get(self) -> Snapshot:
        """The snapshot, made when it is first asked for."""
        snapshot = self._made()
        if snapshot is None:
            with self._guard:
                self.need_open()
                snapshot = self._made()  # by another thread meanwhile
                if snapshot is None:
                    snapshot = Snapshot(self._newest_copy(), self.indexes)
                    self._snapshot = snapshot
        return snapshot

    def with_indexes(self, spaces: Sequence[str]) -> Snapshot:
        """The snapshot, some spaces' indexes loaded; see ``CollectionStore.snapshot``."""
        while True:
            snapshot, anew = self.get(), False
            try:
                for space in spaces:
                    snapshot.index(space, anew=False)
            except CollectionError:
                self.move_on()
                # Another thread may have moved on before; otherwise it is no writer's doing.
                anew = self.get() is snapshot
                if not anew:
                    continue
            if anew:
                for space in spaces:
                    snapshot.index(space)
            return snapshot

    def move_on(self) -> bool:
        """Move on to the newest commit; see ``CollectionStore.refresh``."""
        with self._guard:
            self.need_open()
            return self._file.refresh() if self._file is not None else self._refreshed()

    def close(self) -> None:
        """Give the memory back; snapshots that are held keep theirs."""
        self._closed = True
        self._snapshot = None
        self.indexes.clear()

    def need_open(self) -> None:
        """Refuse to go on once it is closed.

        Raises:
            CollectionError: it is closed.
        """
        if self._closed:
            raise CollectionError(f"{self._directory} is closed; open it again")

    def _refreshed(self) -> bool:
        before = self._snapshot
        copy = CatalogCopy(self._catalog) if before is None else before.readings.newer()
        if copy is None:
            return False
        if before is not None and not copy.continues(before.readings):
            # They tell commits by their numbers. Snapshots of before go on with those that they
            # know, and whatever they load by them leads to nothing here.
            self.indexes = CurrentIndexes(self._directory)
        snapshot = Snapshot(copy, self.indexes)
        if before is not None:
            # Whoever asks for what could not be loaded now, as for want of room, is told then.
            with suppress(CollectionError, OSError, MemoryError):
                snapshot.follow(before)
        self._snapshot = snapshot
        return True

    def _newest_copy(self) -> CatalogCopy:
        """Of a writer's newest commit; it shares with that of before what is the same."""
        before = self._snapshot
        newer = None if before is None else before.readings.newer()
        return CatalogCopy(self._catalog) if newer is None else newer

    def _made(self) -> Snapshot | None:
        snapshot, file = self._snapshot, self._file
        stale = file is not None and snapshot is not None and snapshot.state != file.state
        return None if stale else snapshot
