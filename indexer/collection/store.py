"""A collection: one directory that holds segments, catalog and indexes, and ties them."""

from __future__ import annotations

import logging
import math
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING

from vitrail.indexer.catalog import catalog as catalogs
from vitrail.indexer.catalog.annotations import AnnotationReport, annotate
from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.catalog.departures import remove_images
from vitrail.indexer.catalog.reservations import Reservation, reserve_ids
from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.collection import transforms
from vitrail.indexer.collection.answering import Answering
from vitrail.indexer.collection.collection_info import CollectionInfo
from vitrail.indexer.collection.commits import Adopted, BatchWriter
from vitrail.indexer.collection.current_indexes import CurrentIndexes
from vitrail.indexer.collection.layout import (
    GENERATED,
    LOCK,
    check_free,
    is_collection,
    lay_out,
    make_folders,
    sweep_leftovers,
    write_mark,
)
from vitrail.indexer.collection.maintenance import (
    drop_indexes_ahead,
    fold_journal,
    give_up_overdue,
    is_overdue,
    merge_small_segments,
    save_indexes,
    secure,
    take_snapshot,
)
from vitrail.indexer.collection.readings import CatalogCopy, CatalogFile, Readings
from vitrail.indexer.collection.snapshot import Snapshot
from vitrail.indexer.collection.staging import Staged, stage
from vitrail.indexer.collection.summary import describe_collection
from vitrail.indexer.errors import CollectionError, FingerprintMismatchError, InputError
from vitrail.indexer.files.durability import disk_guard, make_directory
from vitrail.indexer.files.lock import WriterLock
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.records import Batch, FileRecord, ImageRecord
from vitrail.indexer.segments import segment_file
from vitrail.indexer.segments.leftovers import sweep

if TYPE_CHECKING:
    from vitrail.indexer.vectors.index import VectorIndex
    from vitrail.indexer.vectors.indexes import IndexFiles, LoadedIndex

RESERVED_SECONDS = 86_400.0  # for which ids are given out where nothing else is asked for
RESERVED_MOST = 1 << 32  # at once, far more than a segment holds; all ids are 2 ** 63
_log = logging.getLogger("vitrail")


class CollectionStore(Answering):
    """One directory of embeddings, open for reading or for writing; a context manager.

    Made by ``create`` or ``open``. Any number of processes may read while one writes; a reader sees
    the commit it opened at until ``refresh``. Threads may share a reader; what belongs together
    they ask of one ``snapshot``.

    Attributes:
        directory: absolute path.
        writable: whether this is the one writer.
        indexes: the vector indexes, with the files that cache them.
    """

    def __init__(self, directory: str | os.PathLike[str], *, writable: bool) -> None:
        self.directory = os.path.abspath(os.fspath(directory))
        self.writable = writable
        self._stack = ExitStack()
        self._guard = threading.RLock()
        self._catalog = Catalog(os.path.join(self.directory, catalogs.FILE))
        self._file = CatalogFile(self._catalog)
        self._snapshot: Snapshot | None = None
        self.indexes = CurrentIndexes(self.directory)
        self._closed = self._changed = False
        self._tidies = True  # until that fails, which a run does not try after each commit
        self._told = False  # whether a failure was told

    @classmethod
    def create(cls, directory: str | os.PathLike[str], fingerprint: Fingerprint) -> CollectionStore:
        """Make an empty collection for the vectors of one encoder, open for writing.

        Raises:
            CollectionError: the directory holds a collection, or other files, already.
            CollectionLockedError: another process is creating or writing it.
        """
        collection = cls(directory, writable=True)
        with disk_guard(collection.directory, 4 << 20):
            make_directory(collection.directory)
            check_free(collection.directory)  # before a lock is left among other files
            collection._take_lock()
            try:
                check_free(collection.directory)  # another process may have been quicker
                lay_out(collection.directory, fingerprint)
            except BaseException:
                collection._stack.close()
                raise
            collection._enter_writer()
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
            with disk_guard(collection.directory, 0):
                collection._take_lock()
                collection._enter_writer()
        else:
            collection.refresh()
        return collection

    def close(self) -> None:
        """Tidy up after writing (merge segments, save indexes, snapshot), release everything.

        What was committed stands: where tidying up fails, the log of ``vitrail`` gets a warning.
        """
        try:
            if self.writable and self._changed:
                with self._afterwards():
                    self.maintain()
        finally:
            self._closed = True
            self._snapshot = None
            self.indexes.clear()
            self._catalog.close()
            self._stack.close()

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
        return self._path(GENERATED)

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

    def refresh(self) -> bool:
        """Move on to the newest commit; true when it is another than before.

        Snapshots that are held stay what they are. What was loaded of the commit before is loaded
        of this one when this returns, so that other threads need not wait for it.

        Raises:
            CollectionError: the collection is closed, or the catalog is damaged, missing or of a
                newer format.
        """
        with self._guard:
            self._need_open()
            if self.writable:
                return self._file.refresh()
            before = self._snapshot
            copy = CatalogCopy(self._catalog) if before is None else before.readings.newer()
            if copy is None:
                return False
            if before is not None and not copy.continues(before.readings):
                # They tell commits by their numbers. Snapshots of before go on with those that they
                # know, and whatever they load by them leads to nothing here.
                self.indexes = CurrentIndexes(self.directory)
            snapshot = Snapshot(copy, self.indexes)
            if before is not None:
                # Whoever asks for what could not be loaded now, as for want of room, is told then.
                with suppress(CollectionError, OSError, MemoryError):
                    snapshot.follow(before)
            self._snapshot = snapshot
            return True

    def info(self) -> CollectionInfo:
        """Counts, spaces, fingerprint, sizes on disk in bytes and index kinds."""
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
        while True:
            snapshot, anew = self._current(), False
            try:
                for space in spaces:
                    snapshot.index(space, anew=False)
            except CollectionError:
                self.refresh()
                # Another thread may have moved on before; otherwise it is no writer's doing.
                anew = self._current() is snapshot
                if not anew:
                    continue
            if anew:
                for space in spaces:
                    snapshot.index(space)
            return snapshot

    def index(self, space: str) -> VectorIndex:
        """The vector index of a space, up to date with this collection's commit.

        Raises:
            InputError: the collection has no such space.
            CollectionError: a segment is damaged, or cannot be read now.
        """
        return self.loaded(space).index

    def loaded(self, space: str) -> LoadedIndex:
        """As ``index``, with what it covers."""
        if self.writable:
            with self._guard:  # the file stays at this commit until the index is
                return self.indexes.get(space, self._file)
        return self.snapshot(space).loaded(space)

    def index_files(self, space: str) -> IndexFiles:
        """The files that cache a space's index.

        Raises:
            InputError: the collection has no such space.
        """
        return self.indexes.files(space, self.state)

    def warm(self) -> None:
        """Load what a long-lived reader needs to answer within milliseconds."""
        self.snapshot(*self.spaces).warm()

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
        with self._writing() as writer, disk_guard(self.directory, writer.expected_bytes(batch)):
            writer.commit(batch)
        self._tidy_up()

    def _tidy_up(self) -> None:
        """What has to be done now and then after a commit."""
        with self._afterwards():
            if self._tidies and is_overdue(self.indexes, self.state):
                self.maintain()
            else:
                with self._guard, disk_guard(self.directory, 0):
                    fold_journal(self._catalog, self.directory, self.state.seq)

    def reserve(self, count: int, *, seconds: float = RESERVED_SECONDS) -> Reservation:
        """Give out ids for ``count`` new images, which nobody else gets; durable on return.

        Args:
            count: how many images can be staged with it, in one segment.
            seconds: for how long what is staged is kept, and can be adopted.

        Raises:
            InputError: ``count`` or ``seconds`` is not positive, or ``count`` above 2 ** 32.
            CollectionError: not open for writing, or the disk is full.
        """
        if not 0 < count <= RESERVED_MOST or not 0 < seconds < math.inf:
            raise InputError(
                f"{count} ids for {seconds:g} seconds cannot be reserved; both must be above 0, "
                f"and ids at most {RESERVED_MOST} at once"
            )
        with self.transaction("reserve", tidies=False) as transaction:
            return reserve_ids(transaction, count, seconds)

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
        return stage(self.directory, self.fingerprint, reservation, images, files)

    def adopt(self, staged: Sequence[Staged]) -> Adopted:
        """Make all that was staged visible, or none of it; durable when this returns.

        Reservations may be adopted in any order. Images whose content is here by now are hidden at
        once, and only their files are taken. What follows is as after ``commit``.

        Args:
            staged: what ``stage`` gave, here or elsewhere.

        Raises:
            InputError: one is of another encoder, or does not fit its reservation, or that is used
                or over; nothing is adopted then.
            CollectionError: not open for writing, a staged file is damaged or cannot be read now,
                or the disk is full.
        """
        with self._writing() as writer, disk_guard(self.directory, 1 << 20):
            adopted = writer.adopt(staged)
        self._tidy_up()
        return adopted

    def remove(self, ids: Sequence[int]) -> None:
        """Delete images from the collection (never from disk); the next search lacks them.

        Their files stay known, so that they come back only when they change. Those that are hidden
        and wait for their files do so no longer.

        Raises:
            InputError: an id that no image has, live or waiting; nothing is removed then.
            CollectionError: not open for writing, or the disk is full.
        """
        wanted = sorted({int(i) for i in ids})
        with (
            self._writing(),
            disk_guard(self.directory, 1 << 20),
            self._catalog.writing("remove") as transaction,
        ):
            remove_images(transaction, wanted)

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
        with (
            self._writing(),
            disk_guard(self.directory, 1 << 20),
            self._catalog.writing("annotate", checkpoint=True) as transaction,
        ):
            return annotate(transaction, path, numbers=tuple(numbers))

    def maintain(self) -> None:
        """Give up what has waited too long, merge small segments, save indexes where it pays.

        The user's own tables are copied into a snapshot. Indexes are a cache: where they cannot be
        saved, the log of ``vitrail`` gets a warning.

        Raises:
            CollectionError: not open for writing, or the disk is full; nothing committed is lost.
        """
        self._need_writer()
        with self._guard, disk_guard(self.directory, 0):
            give_up_overdue(self._catalog)
            merge_small_segments(self._catalog, self._path(segment_file.FOLDER), self.fingerprint)
            self.refresh()
            self._sweep()
            self._tidies = save_indexes(self.indexes, self._file)
            fold_journal(self._catalog, self.directory, self.state.seq)
            self._changed = False

    def copy_tables(self) -> None:
        """Copy the catalog's tables as of the last commit, whether it pays or not.

        Raises:
            CollectionError: not open for writing, or the disk is full; nothing committed is lost.
        """
        self._need_writer()
        with self._guard, disk_guard(self.directory, 0):
            take_snapshot(self._catalog, self.directory, self.state.seq)

    # Inside

    @contextmanager
    def transaction(
        self, kind: str, *, journalled: bool = True, tidies: bool = True
    ) -> Iterator[Transaction]:
        """A catalog transaction of the writer; readings are fresh afterwards.

        Args:
            kind: what is done, for the log of commits.
            journalled: whether the journal follows; if not, ``copy_tables`` has to come next.
            tidies: whether what it changes is worth tidying up after when the writer closes.
        """
        before = self._changed
        with (
            self._writing(),
            disk_guard(self.directory, 0),
            self._catalog.writing(kind, journalled=journalled) as transaction,
        ):
            yield transaction
        self._changed = before or tidies

    def preparing(self) -> AbstractContextManager[Transaction]:
        """What the writer's next commit begins with, to read."""
        self._need_writer()
        return self._catalog.preparing()

    def forget_changes(self) -> None:
        """Leave tidying to a later writer when this one closes."""
        self._changed = False

    @property
    def readings(self) -> Readings:
        """Of the catalog: the writer's of the newest commit, a reader's of its own."""
        return self._file if self.writable else self._current().readings

    def _current(self) -> Snapshot:
        """The snapshot of this collection's commit."""
        snapshot = self._made()
        if snapshot is None:
            with self._guard:
                self._need_open()
                snapshot = self._made()  # by another thread meanwhile
                if snapshot is None:
                    snapshot = Snapshot(self._newest_copy(), self.indexes)
                    self._snapshot = snapshot
        return snapshot

    def _newest_copy(self) -> CatalogCopy:
        """Of a writer's newest commit; it shares with that of before what is the same."""
        before = self._snapshot
        newer = None if before is None else before.readings.newer()
        return CatalogCopy(self._catalog) if newer is None else newer

    def _made(self) -> Snapshot | None:
        snapshot = self._snapshot
        stale = self.writable and snapshot is not None and snapshot.state != self.state
        return None if stale else snapshot

    @contextmanager
    def _writing(self) -> Iterator[BatchWriter]:
        self._need_writer()
        with self._guard:
            yield BatchWriter(self._catalog, self._path(segment_file.FOLDER), self.fingerprint)
            self._changed = True
            self.refresh()

    @contextmanager
    def _afterwards(self) -> Iterator[None]:
        """What follows commits that stand: a failure is told, once, and all else goes on."""
        try:
            yield
        except (CollectionError, OSError) as error:
            told, self._tidies, self._told = self._told, False, True
            if not told:
                _log.warning("what was asked is done, but tidying up afterwards failed: %s", error)

    def _need_open(self) -> None:
        if self._closed:
            raise CollectionError(f"{self.directory} is closed; open it again")

    def _need_writer(self) -> None:
        if not self.writable:
            raise CollectionError(f"{self.directory} is open for reading only; open it writable")

    def _take_lock(self) -> None:
        self._stack.enter_context(WriterLock(self._path(LOCK)))

    def _enter_writer(self) -> None:
        try:
            make_folders(self.directory)
            sweep_leftovers(self.directory)
            self.refresh()
            write_mark(self.directory, self.fingerprint)
            if self._catalog.catch_up():
                self.refresh()
            # Before anything is changed, migration included.
            secure(self._catalog, self.directory, self.state.seq)
            self._catalog.migrate()
            self.refresh()
            drop_indexes_ahead(self.indexes, self.state)
            self._sweep()
        except BaseException:
            self._stack.close()
            raise

    def _sweep(self) -> None:
        live = [segment.name for segment in self.state.segments]
        state = self.state
        sweep(self._path(segment_file.FOLDER), live, state.replaced, state.reserved)
        transforms.sweep(self.directory, state.derived)

    def _path(self, name: str) -> str:
        return os.path.join(self.directory, name)
