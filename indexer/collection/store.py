"""A collection: one directory that holds segments, catalog and indexes, and ties them.

What only a writer needs is imported where it is used: most processes read, and soon end.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING

from vitrail.indexer.catalog import catalog as catalogs
from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.collection.answering import Answering
from vitrail.indexer.collection.current_indexes import CurrentIndexes
from vitrail.indexer.collection.current_snapshot import CurrentSnapshot
from vitrail.indexer.collection.layout import GENERATED, is_collection
from vitrail.indexer.collection.readings import CatalogFile, Readings
from vitrail.indexer.collection.siblings import note_sibling
from vitrail.indexer.collection.snapshot import Snapshot
from vitrail.indexer.errors import CollectionError, FingerprintMismatchError
from vitrail.indexer.files.durability import disk_guard
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.records import Batch, FileRecord, ImageRecord

if TYPE_CHECKING:
    import pyarrow as pa

    from vitrail.indexer.catalog.annotations import AnnotationReport
    from vitrail.indexer.catalog.reservations import Reservation
    from vitrail.indexer.catalog.transaction import Transaction
    from vitrail.indexer.collection.collection_info import CollectionInfo
    from vitrail.indexer.collection.commits import Adopted
    from vitrail.indexer.collection.staging import Staged
    from vitrail.indexer.collection.writer import Writer
    from vitrail.indexer.vectors.index import VectorIndex
    from vitrail.indexer.vectors.indexes import IndexFiles, LoadedIndex

RESERVED_SECONDS = 86_400.0  # for which ids are given out where nothing else is asked for


class CollectionStore(Answering):
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
        try:
            if self._writer is not None:
                self._writer.end()
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
        self.close()

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

    # Writing

    def commit(self, batch: Batch) -> None:
        """Make all of a batch visible, or none of it; durable when this returns.

        Content that is known already becomes no second image, and what comes without a file none.
        An image that loses its last file is hidden, and waits for the same content to bring it
        back. From time to time this also does what ``maintain`` does; where that fails, the log
        gets a warning, and the batch stands.

        Args:
            batch: what was found.

        Raises:
            InputError: an image lacks a space's vector, or has it in another width.
            CollectionError: not open for writing, or the disk is full; nothing committed is lost.
        """
        self._writing.commit(batch)

    def reserve(self, count: int, *, seconds: float = RESERVED_SECONDS) -> Reservation:
        """Give out ids for ``count`` new images, which nobody else gets; durable on return.

        Args:
            count: how many images can be staged with it, in one segment.
            seconds: for how long what is staged is kept, and can be adopted.

        Raises:
            InputError: ``count`` or ``seconds`` is not positive, or ``count`` above 2 ** 32.
            CollectionError: not open for writing, or the disk is full.
        """
        return self._writing.reserve(count, seconds)

    def stage(
        self, reservation: Reservation, images: Sequence[ImageRecord], files: Sequence[FileRecord]
    ) -> Staged:
        """Write a durable segment of new images, which counts once it is adopted.

        Any process may do that that sees the collection's folder, at its own pace, a reader too;
        ``staging.stage`` does it for one that has not even opened the collection.

        Args:
            reservation: of at least as many ids as there are images, for this segment alone.
            images: with their vectors; those of which no file is given are left out.
            files: paths at which they are.

        Raises:
            InputError: no image is left, there are more than ids, or an image lacks a space's
                vector, or has it in another width.
            CollectionError: the disk is full.
        """
        from vitrail.indexer.collection.staging import stage

        return stage(self.directory, self.fingerprint, reservation, images, files)

    def adopt(self, staged: Sequence[Staged]) -> Adopted:
        """Make all that was staged visible, or none of it; durable when this returns.

        Reservations may be adopted in any order. Images whose content is here by now, or was
        removed since the ids were reserved, are hidden at once, and only their files are taken.
        What follows is as after ``commit``.

        Args:
            staged: what ``stage`` gave, here or elsewhere.

        Raises:
            InputError: one is of another encoder, or does not fit its reservation, or that is used
                or over; nothing is adopted then.
            CollectionError: not open for writing, a staged file is damaged or cannot be read now,
                or the disk is full.
        """
        return self._writing.adopt(staged)

    def remove(self, ids: Sequence[int]) -> None:
        """Delete images from the collection (never from disk); the next search lacks them.

        Their files stay known, so that they come back only when they change. Those that are hidden
        and wait for their files do so no longer.

        Raises:
            InputError: an id that no image has, live or waiting; nothing is removed then.
            CollectionError: not open for writing, or the disk is full.
        """
        self._writing.remove(ids)

    def annotate(self, path: str, *, numbers: Iterable[str] = ()) -> AnnotationReport:
        """Join the columns of a CSV or Parquet file to images by its ``path`` column.

        A path may be absolute, relative to the file's folder, or the last part or parts of exactly
        one indexed path. Annotating again updates. The columns can be used in ``allowed_ids``.

        Args:
            path: the file.
            numbers: columns of a CSV file whose cells that are no numbers shall be left empty.

        Raises:
            InputError: it cannot be read, has no ``path`` column, or one that no image can have;
                nothing is changed then.
            CollectionError: not open for writing, or the disk is full.
        """
        return self._writing.annotate(path, tuple(numbers))

    def annotate_images(self, ids: Sequence[int], columns: Mapping[str, pa.ChunkedArray]) -> int:
        """Set columns of the user's own on images that are named by id; others stay as they are.

        Args:
            ids: of the images; those that are gone by now are passed over.
            columns: a value for each image, by name; an empty one clears what was there.

        Returns:
            how many images were set.

        Raises:
            InputError: a column that no image can have; nothing is changed then.
            CollectionError: not open for writing, or the disk is full.
        """
        return self._writing.annotate_images(ids, columns)

    def maintain(self) -> None:
        """Give up what has waited too long, merge small segments, save indexes where it pays.

        The catalog's tables are copied where it pays. Indexes are a cache: where they cannot be
        saved, the log of ``vitrail`` gets a warning.

        Raises:
            CollectionError: not open for writing, or the disk is full; nothing committed is lost.
        """
        self._writing.maintain()

    def copy_tables(self) -> None:
        """Copy the catalog's tables as of the last commit, whether it pays or not.

        Raises:
            CollectionError: not open for writing, or the disk is full; nothing committed is lost.
        """
        self._writing.copy_tables()

    # Inside

    def transaction(
        self, kind: str, *, journalled: bool = True, tidies: bool = True
    ) -> AbstractContextManager[Transaction]:
        """A catalog transaction of the writer; readings are fresh afterwards.

        Args:
            kind: what is done, for the log of commits.
            journalled: whether the journal follows; if not, ``copy_tables`` has to come next.
            tidies: whether what it changes is worth tidying up after when the writer closes.
        """
        return self._writing.transaction(kind, journalled=journalled, tidies=tidies)

    def preparing(self) -> AbstractContextManager[Transaction]:
        """What the writer's next commit begins with, to read."""
        return self._writing.preparing()

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
