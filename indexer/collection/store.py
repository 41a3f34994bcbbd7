"""A collection: one directory that holds segments, catalog and indexes, and ties them.

What only a writer needs is imported where it is used: most processes read, and soon end.
"""

from __future__ import annotations

import os
import threading
from types import TracebackType
from typing import TYPE_CHECKING

from vitrail.indexer.catalog import catalog as catalogs
from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.collection.changing import Changing
from vitrail.indexer.collection.current_indexes import CurrentIndexes
from vitrail.indexer.collection.current_snapshot import CurrentSnapshot
from vitrail.indexer.collection.layout import GENERATED, is_collection
from vitrail.indexer.collection.readings import CatalogFile, Readings
from vitrail.indexer.collection.siblings import note_sibling
from vitrail.indexer.collection.snapshot import Snapshot
from vitrail.indexer.errors import CollectionError, FingerprintMismatchError
from vitrail.indexer.files.durability import disk_guard
from vitrail.indexer.fingerprint import Fingerprint

if TYPE_CHECKING:
    from vitrail.indexer.collection.collection_info import CollectionInfo
    from vitrail.indexer.collection.writer import Writer
    from vitrail.indexer.vectors.index import VectorIndex
    from vitrail.indexer.vectors.indexes import IndexFiles, LoadedIndex


class CollectionStore(Changing):
    """One directory of embeddings, open for reading or for writing; a context manager.

    Made by ``create`` or ``open``. Any number of processes may read while one writes; a reader sees
    the commit it opened at until ``refresh``. Threads may share a reader; what belongs together
    they ask of one ``snapshot``.

    Attributes:
        directory: absolute path.
        writable: whether this is the one writer.
    """

    def __init__(self, directory: str | os.PathLike[str], *, writable: bool) -> None:
        self.directory = os.path.abspath(os.fspath(directory))
        self.writable = writable
        self._catalog = Catalog(os.path.join(self.directory, catalogs.FILE))
        file = CatalogFile(self._catalog) if writable else None
        guard = threading.RLock()
        self._current = CurrentSnapshot(self.directory, self._catalog, guard, file)
        self._writer: Writer | None = None
        if file is not None:
            from vitrail.indexer.collection.writer import Writer

            self._writer = Writer(self.directory, self._catalog, file, self.indexes, guard)

    @classmethod
    def create(
        cls,
        directory: str | os.PathLike[str],
        fingerprint: Fingerprint,
        *,
        awaits: str | None = None,
    ) -> CollectionStore:
        """Make an empty collection for the vectors of one encoder, open for writing.

        Args:
            directory: where to put it.
            fingerprint: the encoder's.
            awaits: a whitened space that searches are to weigh once it is fitted, which a kill
                right afterwards must not lose; see ``derivation.weigh_once_fitted``.

        Raises:
            CollectionError: the directory holds a collection, or other files, already.
            CollectionLockedError: another process is creating or writing it.
        """
        collection = cls(directory, writable=True)
        collection._writing.create(fingerprint, awaits)
        return collection

    @classmethod
    def open(cls, directory: str | os.PathLike[str], *, writable: bool = False) -> CollectionStore:
        """Open an existing collection.

        Raises:
            CollectionError: there is none, it is damaged or of a newer format.
            CollectionLockedError: another process is writing; only with ``writable``.
        """
        collection = cls(directory, writable=writable)
        if not is_collection(collection.directory):
            raise CollectionError(
                f"there is no collection at {collection.directory}; make one with "
                "`vitrail index FOLDER`"
            )
        if writable:
            collection._writing.open()
        else:
            collection.refresh()
        return collection

    def close(self) -> None:
        """Tidy up after writing (merge segments, save indexes, copy tables), release everything.

        What was committed stands: where tidying up fails, the log of ``vitrail`` gets a warning.
        """
        self._close()

    def _close(self, *, interrupted: bool = False) -> None:
        try:
            if self._writer is not None:
                self._writer.end(interrupted=interrupted)
        finally:
            self._current.close()
            self._catalog.close()
            if self._writer is not None:
                self._writer.release()

    def __enter__(self) -> CollectionStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close(interrupted=kind is not None and not issubclass(kind, Exception))

    # What it is

    @property
    def generated_directory(self) -> str:
        """Where the generator stores the images it makes."""
        return os.path.join(self.directory, GENERATED)

    @property
    def indexes(self) -> CurrentIndexes:
        """The vector indexes, with the files that cache them."""
        return self._current.indexes

    @property
    def notes(self) -> list[str]:
        """Lines for people about index files that could not be used and were replaced in memory."""
        return self.indexes.notes

    def check(self, fingerprint: Fingerprint) -> None:
        """Refuse another encoder than the collection's.

        Raises:
            FingerprintMismatchError: names both encoders and the remedy.
        """
        own = self.fingerprint
        if not own.agrees(fingerprint):
            raise FingerprintMismatchError(
                f"{self.directory} holds vectors of {own.difference(fingerprint)}; use the "
                "checkpoint and spaces that it was made with, change them with `vitrail reembed`, "
                "or use another collection"
            )

    def note_encoder(self, fingerprint: Fingerprint) -> None:
        """Note whose vectors are about to come, where a certified sibling makes them.

        Raises:
            CollectionError: the disk is full.
        """
        with disk_guard(self.directory, 0):
            note_sibling(self.directory, self.fingerprint, fingerprint)

    def refresh(self) -> bool:
        """Move on to the newest commit; true when it is another than before.

        Snapshots that are held stay what they are. What was loaded of the commit before is loaded
        of this one when this returns, so that other threads need not wait for it.

        Raises:
            CollectionError: the collection is closed, or the catalog is damaged, missing or of a
                newer format.
        """
        return self._current.move_on()

    def info(self) -> CollectionInfo:
        """Counts, spaces, fingerprint, sizes on disk in bytes and index kinds."""
        from vitrail.indexer.collection.summary import describe_collection

        return describe_collection(self.directory, self.readings, self.indexes)

    # Reading

    def snapshot(self, *spaces: str) -> Snapshot:
        """The commit that this collection answers for, to be held for as long as is needed.

        Args:
            spaces: whose indexes are loaded when this returns. Where a writer has saved them for a
                newer commit, or merged segments away, this moves on to the newest commit first.

        Raises:
            InputError: the collection has no such space.
            CollectionError: the collection is closed, or a segment is damaged or cannot be read
                now.
        """
        return self._current.with_indexes(spaces)

    def index(self, space: str) -> VectorIndex:
        """The vector index of a space, up to date with this collection's commit.

        Raises:
            InputError: the collection has no such space.
            CollectionError: a segment is damaged, or cannot be read now.
        """
        return self.loaded(space).index

    def loaded(self, space: str) -> LoadedIndex:
        """As ``index``, with what it covers."""
        if self._writer is not None:
            return self._writer.loaded(space)
        return self.snapshot(space).loaded(space)

    def index_files(self, space: str) -> IndexFiles:
        """The files that cache a space's index.

        Raises:
            InputError: the collection has no such space.
        """
        return self.indexes.files(space, self.state)

    def warm(self) -> None:
        """Load what a long-lived reader needs to answer within milliseconds."""
        self.snapshot(*dict(self.fingerprint.spaces)).warm()

    # Inside

    def forget_changes(self) -> None:
        """Leave tidying to a later writer when this one closes."""
        if self._writer is not None:
            self._writer.forget_changes()

    @property
    def readings(self) -> Readings:
        """Of the catalog: the writer's of the newest commit, a reader's of its own."""
        return self._current.get().readings if self._writer is None else self._writer.readings

    @property
    def _writing(self) -> Writer:
        self._current.need_open()
        if self._writer is None:
            raise CollectionError(f"{self.directory} is open for reading only; open it writable")
        return self._writer
