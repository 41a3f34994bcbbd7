"""A collection: one directory that holds segments, catalog and indexes, and ties them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.catalog import catalog as catalogs
from vitrail.indexer.catalog.annotations import AnnotationReport, annotate
from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.catalog.changes import remove_images
from vitrail.indexer.catalog.contents import (
    content_hashes,
    embedded_hashes,
    known_files,
    read_rejects,
    resolve,
    stale_hashes,
    unclassified_hashes,
)
from vitrail.indexer.catalog.filtering import allowed_ids, fulfilling_files, open_filter
from vitrail.indexer.catalog.listing import Listing, list_rows
from vitrail.indexer.catalog.metadata import Shown, hot_metadata, read_metadata
from vitrail.indexer.catalog.roots import KnownRoot, read_roots
from vitrail.indexer.catalog.state import State
from vitrail.indexer.catalog.suggestions import suggest
from vitrail.indexer.catalog.transaction import Transaction
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
    fold_journal,
    give_up_overdue,
    is_overdue,
    merge_small_segments,
    save_indexes,
    secure,
    take_snapshot,
)
from vitrail.indexer.collection.residence import Residence
from vitrail.indexer.collection.summary import describe_collection
from vitrail.indexer.encoders.base import Fingerprint
from vitrail.indexer.errors import CollectionError, FingerprintMismatchError, InputError
from vitrail.indexer.records import READ_VERSION, Batch, KnownFile, RejectRecord
from vitrail.indexer.store import segments
from vitrail.indexer.store.commits import BatchWriter
from vitrail.indexer.store.durability import disk_guard, make_directory
from vitrail.indexer.store.leftovers import sweep
from vitrail.indexer.store.lock import WriterLock

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from vitrail.indexer.vectors.index import VectorIndex

_T = TypeVar("_T")


class Collection:
    """One directory of embeddings, open for reading or for writing; a context manager.

    Made by ``create`` or ``open``. Any number of processes may read while one writes; a reader sees
    the commit it opened at until ``refresh``. Threads may share one.

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
        self._residence = Residence(self._catalog, writable=writable)
        self.indexes = CurrentIndexes(self.directory, self._residence, self._guard)
        self._changed = False

    @classmethod
    def create(cls, directory: str | os.PathLike[str], fingerprint: Fingerprint) -> Collection:
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
    def open(cls, directory: str | os.PathLike[str], *, writable: bool = False) -> Collection:
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

        Raises:
            CollectionError: the disk is full; what was committed is safe, and the lock released.
        """
        try:
            if self.writable and self._changed:
                self.maintain()
        finally:
            self.indexes.clear()
            self._residence.close()
            self._stack.close()

    def __enter__(self) -> Collection:
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
    def state(self) -> State:
        """The commit that readings answer for."""
        return self._residence.state

    @property
    def fingerprint(self) -> Fingerprint:
        """The encoder that all its vectors come from."""
        return self.state.fingerprint

    @property
    def spaces(self) -> dict[str, int]:
        """Embedding spaces and their widths, in the encoder's order."""
        return dict(self.fingerprint.spaces)

    @property
    def generated_directory(self) -> str:
        """Where the generator stores the images it makes."""
        return self._path(GENERATED)

    @property
    def notes(self) -> list[str]:
        """Lines for people about index files that could not be used and were replaced in memory."""
        return self.indexes.notes

    def __len__(self) -> int:
        """Number of live images."""
        return self.state.images

    def check(self, fingerprint: Fingerprint) -> None:
        """Refuse another encoder than the collection's.

        Raises:
            FingerprintMismatchError: names both encoders and the remedy.
        """
        own = self.fingerprint
        if own.digest != fingerprint.digest:
            raise FingerprintMismatchError(
                f"{self.directory} holds vectors of {own.describe()}, which cannot be compared "
                f"with those of {fingerprint.describe()}; use the collection's own checkpoint and "
                "spaces, change them with `vitrail reembed`, or use another collection"
            )

    def refresh(self) -> bool:
        """Move on to the newest commit; true when it is another than before."""
        with self._guard:
            return self._residence.refresh()

    def info(self) -> dict[str, Any]:
        """Counts, spaces, fingerprint, sizes on disk in bytes and index kinds, as plain types."""
        return describe_collection(self.directory, self._residence, self.indexes)

    # Reading

    def known_files(
        self, root: str | None = None, *, retried: Iterable[str] = ()
    ) -> dict[str, KnownFile]:
        """Every path known under a folder (or everywhere), rejected files included.

        Args:
            root: the folder.
            retried: reasons whose rejected files shall count as changed.
        """
        return self._read(lambda connection: known_files(connection, root, retried))

    def content_hashes(self) -> frozenset[str]:
        """Content hashes (sha256, hex) of all live images."""
        return self._read(content_hashes)

    def embedded_hashes(self) -> frozenset[str]:
        """Content hashes that need not be embedded: those of live images, and of waiting ones."""
        return self._read(embedded_hashes)

    def stale_hashes(self) -> frozenset[str]:
        """Content hashes of live images whose metadata today's readers have not seen."""
        return self._read(lambda connection: stale_hashes(connection, READ_VERSION))

    def unclassified_hashes(self) -> frozenset[str]:
        """Content hashes of live images without labels of the checkpoint's head."""
        return self._read(unclassified_hashes)

    def roots(self) -> list[KnownRoot]:
        """The folders that were indexed, with the options remembered, by path."""
        return self._read(read_roots)

    def rejects(self) -> list[RejectRecord]:
        """Files that could not be indexed, by path."""
        return self._read(read_rejects)

    def allowed_ids(self, where: str, parameters: Sequence[Any] = ()) -> NDArray[np.int64]:
        """Ids for which an SQL expression over the columns is true: (n,) int64, sorted.

        It is true of an image if any of its files fulfils it as a whole.

        Args:
            where: such as ``label = 'cat' and width > 512``; see ``columns.BUILT_IN``.
            parameters: values of its ``?`` marks, in order.

        Raises:
            InputError: it is no expression, names an unknown column or a function that a filter
                may not call, or takes too much time or memory.
        """
        with self._residence.filtering() as (connection, flat):
            return allowed_ids(connection, where, parameters, flat=flat)

    def suggest(self, where: str) -> list[str]:
        """Lines on what a filter that lets nothing through may have meant; perhaps none.

        Raises:
            InputError: it cannot be used at all; see ``allowed_ids``.
        """
        with self._residence.filtering() as (connection, flat):
            return suggest(open_filter(connection, where, flat=flat))

    def metadata(self, ids: Sequence[int], where: str | None = None) -> list[dict[str, Any]]:
        """Everything known of each image, in the order of ``ids``; ``paths`` lists its files.

        Path, name, folder, label, when it was added and whether it is missing are the first
        file's.

        Args:
            ids: of images.
            where: a filter; the files that fulfil it come before an image's others.

        Raises:
            InputError: an id that no image has, or what ``allowed_ids`` raises.
        """
        rows = self._metadata(ids, {})
        shared = [row["id"] for row in rows if len(row["paths"]) > 1]
        if where is None or not shared:
            return rows
        with self._residence.filtering() as (connection, flat):
            shown = fulfilling_files(connection, where, shared, flat=flat)
        again = {row["id"]: row for row in self._metadata(list(shown), shown)}
        return [again.get(row["id"], row) for row in rows]

    def _metadata(self, ids: Sequence[int], shown: Shown) -> list[dict[str, Any]]:
        hot = self._residence.hot_rows()
        if hot is not None:
            return hot_metadata(hot, ids, shown)
        return self._read(lambda connection: read_metadata(connection, ids, shown))

    @contextmanager
    def listed(self, listing: Listing) -> Iterator[tuple[list[str], Iterator[tuple[Any, ...]]]]:
        """The columns of a list of images, and its rows, read as they are asked for.

        A row begins with the bytes of its file's path where the text does not say it all.

        Raises:
            InputError: the filter cannot be used, or there is no such column.
        """
        with self._residence.filtering() as (connection, flat):
            yield list_rows(connection, listing, flat=flat)

    def warm(self) -> None:
        """Load what a long-lived reader needs to answer within milliseconds."""
        self._residence.hot_rows(at_once=True)
        self._residence.flatten()
        for space in self.spaces:
            self.index(space).warm()

    def resolve(self, text: str) -> int:
        """The image that an id, an indexed path or its last parts, or a content hash names.

        Of a hash the start will do (6 digits), of a path the last part or parts.

        Raises:
            UnknownImageError: none does.
            InputError: more than one does; the message lists some.
        """
        return self._read(lambda connection: resolve(connection, text))

    def index(self, space: str) -> VectorIndex:
        """The vector index of a space, up to date with this collection's commit.

        Raises:
            InputError: the collection has no such space.
            CollectionError: a segment is damaged.
        """
        return self.indexes.get(space).index

    def vectors(self, ids: Sequence[int], space: str) -> NDArray[np.float32]:
        """Stored vectors of images in one space: (n, dim) float32, in the order of ``ids``.

        Raises:
            InputError: an unknown id or space.
        """
        try:
            return self.index(space).vectors(np.asarray(ids, np.int64))
        except KeyError as error:
            raise InputError(f"there is no image with id {error} in this collection") from error

    # Writing

    def commit(self, batch: Batch) -> None:
        """Make all of a batch visible, or none of it; durable when this returns.

        Content that is known already becomes no second image. An image that loses its last file is
        hidden, and waits for the same content to bring it back. From time to time this also does
        what ``maintain`` does.

        Args:
            batch: what was found.

        Raises:
            InputError: an image lacks a space's vector, or has it in another width.
            CollectionError: not open for writing, or the disk is full; nothing committed is lost.
        """
        with self._writing() as writer, disk_guard(self.directory, writer.expected_bytes(batch)):
            writer.commit(batch)
        if is_overdue(self.indexes, self.state):
            self.maintain()
        else:
            with self._guard, disk_guard(self.directory, 0):
                fold_journal(self._catalog, self.directory, self.state.seq)

    def remove(self, ids: Sequence[int]) -> None:
        """Delete images from the collection (never from disk); the next search lacks them.

        Their files stay known, so that they come back only when they change.

        Raises:
            InputError: an id that no live image has; nothing is removed then.
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

        The user's own tables are copied into a snapshot.

        Raises:
            CollectionError: not open for writing, or the disk is full; nothing committed is lost.
        """
        self._need_writer()
        with self._guard, disk_guard(self.directory, 0):
            give_up_overdue(self._catalog)
            merge_small_segments(self._catalog, self._path(segments.FOLDER), self.fingerprint)
            self.refresh()
            self._sweep()
            save_indexes(self.indexes, self.state)
            fold_journal(self._catalog, self.directory, self.state.seq)
            self._changed = False

    def snapshot(self) -> None:
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
            journalled: whether the journal follows; if not, ``snapshot`` has to come next.
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

    def forget_changes(self) -> None:
        """Leave tidying to a later writer when this one closes."""
        self._changed = False

    @contextmanager
    def reading(self) -> Iterator[DuckDBPyConnection]:
        """A sealed read-only connection to the catalog's tables, for a short moment."""
        with self._residence.reading() as connection:
            yield connection

    def _read(self, read: Callable[[DuckDBPyConnection], _T]) -> _T:
        with self.reading() as connection:
            return read(connection)

    @contextmanager
    def _writing(self) -> Iterator[BatchWriter]:
        self._need_writer()
        with self._guard:
            yield BatchWriter(self._catalog, self._path(segments.FOLDER), self.fingerprint)
            self._changed = True
            self.refresh()

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
            # Before anything is changed, migration included.
            secure(self._catalog, self.directory, self.state.seq)
            self._catalog.migrate()
            self.refresh()
            self._sweep()
        except BaseException:
            self._stack.close()
            raise

    def _sweep(self) -> None:
        live = [segment.name for segment in self.state.segments]
        sweep(self._path(segments.FOLDER), live, self.state.replaced)

    def _path(self, name: str) -> str:
        return os.path.join(self.directory, name)
