"""The one writer of a collection: its lock, its commits, and what is tidied after them."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING

from vitrail.indexer.building import building
from vitrail.indexer.catalog.annotations import AnnotationReport, annotate, annotate_images
from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.catalog.departures import remove_images
from vitrail.indexer.catalog.reservations import Reservation, reserve_ids
from vitrail.indexer.catalog.state import State
from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.collection import transforms
from vitrail.indexer.collection.commits import Adopted, BatchWriter
from vitrail.indexer.collection.current_indexes import CurrentIndexes
from vitrail.indexer.collection.layout import (
    LOCK,
    check_free,
    lay_out,
    make_folders,
    sweep_leftovers,
    write_mark,
)
from vitrail.indexer.collection.maintenance import (
    copy_tables,
    drop_foreign_indexes,
    fold_journal,
    give_up_overdue,
    is_overdue,
    merge_small_segments,
    save_indexes,
    secure,
    set_strays_aside,
)
from vitrail.indexer.collection.readings import CatalogFile
from vitrail.indexer.collection.staging import Staged, check_reservable
from vitrail.indexer.errors import CollectionError
from vitrail.indexer.files.durability import disk_guard, make_directory
from vitrail.indexer.files.lock import WriterLock
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.memory import is_out_of_memory
from vitrail.indexer.records import Batch
from vitrail.indexer.segments import segment_file
from vitrail.indexer.segments.leftovers import sweep
from vitrail.indexer.vectors.indexes import LoadedIndex

if TYPE_CHECKING:
    import pyarrow as pa

_log = logging.getLogger("vitrail")


class Writer:
    """What a ``CollectionStore`` that is open for writing does; its methods say more of each.

    Args:
        directory: the collection's, absolute.
        catalog: its catalog.
        readings: of the catalog's newest commit.
        indexes: of its vectors.
        guard: held by the thread that writes.

    Attributes:
        readings: as given.
    """

    def __init__(
        self,
        directory: str,
        catalog: Catalog,
        readings: CatalogFile,
        indexes: CurrentIndexes,
        guard: threading.RLock,
    ) -> None:
        self.readings = readings
        self._directory = directory
        self._segments = os.path.join(directory, segment_file.FOLDER)
        self._catalog = catalog
        self._indexes = indexes
        self._guard = guard
        self._lock = ExitStack()
        self._changed = False
        self._tidies = True  # until that fails, which a run does not try after each commit
        self._told = False  # whether a failure was told
        self._ended = False  # whether building was, which what tidies by itself does not begin anew

    # The lock

    def create(self, fingerprint: Fingerprint, awaits: str | None = None) -> None:
        """Lay an empty collection out, and hold its lock; ``awaits`` is as of ``lay_out``."""
        with disk_guard(self._directory, 4 << 20):
            make_directory(self._directory)
            check_free(self._directory)  # before a lock is left among other files
            self._take_lock()
            try:
                check_free(self._directory)  # another process may have been quicker
                lay_out(self._directory, fingerprint, awaits)
            except BaseException:
                self.release()
                raise
            self._begin()

    def open(self) -> None:
        """Hold the lock of a collection, and mend what a killed writer has left."""
        with disk_guard(self._directory, 0):
            self._take_lock()
            self._begin()

    def end(self, *, interrupted: bool = False) -> None:
        """Tidy up after what was written; see ``CollectionStore.close``.

        Args:
            interrupted: whether it closes since it was; indexes that take long are not built then.
        """
        changed, self._changed = self._changed, False
        if changed:
            with self._afterwards():
                self._maintain(by_itself=True, interrupted=interrupted)

    def release(self) -> None:
        """Let others write."""
        self._lock.close()

    def _take_lock(self) -> None:
        self._lock.enter_context(WriterLock(os.path.join(self._directory, LOCK)))

    def _begin(self) -> None:
        try:
            make_folders(self._directory)
            sweep_leftovers(self._directory)
            self.readings.refresh()
            set_strays_aside(self._directory, self.readings)
            write_mark(self._directory, self._state.fingerprint)
            if self._catalog.catch_up():
                self.readings.refresh()
            # Before anything is changed, migration included.
            secure(self._catalog, self._directory, self._state.seq)
            self._catalog.migrate()
            self.readings.refresh()
            drop_foreign_indexes(self._indexes, self.readings)
            self._sweep()
        except BaseException:
            self.release()
            raise

    # Commits

    def commit(self, batch: Batch) -> None:
        """See ``CollectionStore.commit``."""
        with self._writing() as writer, disk_guard(self._directory, writer.expected_bytes(batch)):
            writer.commit(batch)
        self._tidy_up()

    def reserve(self, count: int, seconds: float) -> Reservation:
        """See ``CollectionStore.reserve``."""
        check_reservable(count, seconds)
        with self.transaction("reserve", tidies=False) as transaction:
            return reserve_ids(transaction, count, seconds)

    def adopt(self, staged: Sequence[Staged]) -> Adopted:
        """See ``CollectionStore.adopt``."""
        with self._writing() as writer, disk_guard(self._directory, 1 << 20):
            adopted = writer.adopt(staged)
        self._tidy_up()
        return adopted

    def remove(self, ids: Sequence[int]) -> None:
        """See ``CollectionStore.remove``."""
        wanted = sorted({int(i) for i in ids})
        with (
            self._writing(),
            disk_guard(self._directory, 1 << 20),
            self._catalog.writing("remove") as transaction,
        ):
            remove_images(transaction, wanted)

    def annotate(self, path: str, numbers: Sequence[str]) -> AnnotationReport:
        """See ``CollectionStore.annotate``."""
        with (
            self._writing(),
            disk_guard(self._directory, 1 << 20),
            self._catalog.writing("annotate", checkpoint=True) as transaction,
        ):
            return annotate(transaction, path, numbers=numbers)

    def annotate_images(self, ids: Sequence[int], columns: Mapping[str, pa.ChunkedArray]) -> int:
        """See ``CollectionStore.annotate_images``."""
        with (
            self._writing(),
            disk_guard(self._directory, 1 << 20),
            self._catalog.writing("annotate", checkpoint=True) as transaction,
        ):
            return annotate_images(transaction, ids, columns)

    @contextmanager
    def transaction(
        self, kind: str, *, journalled: bool = True, tidies: bool = True
    ) -> Iterator[Transaction]:
        """See ``CollectionStore.transaction``."""
        before = self._changed
        with (
            self._writing(),
            disk_guard(self._directory, 0),
            self._catalog.writing(kind, journalled=journalled) as transaction,
        ):
            yield transaction
        self._changed = before or tidies

    def preparing(self) -> AbstractContextManager[Transaction]:
        """See ``CollectionStore.preparing``."""
        return self._catalog.preparing()

    @contextmanager
    def _writing(self) -> Iterator[BatchWriter]:
        with self._guard:
            yield BatchWriter(self._catalog, self._segments, self._state.fingerprint)
            self._changed = True
            self.readings.refresh()

    # What follows them

    def maintain(self) -> tuple[str, ...]:
        """See ``CollectionStore.maintain``."""
        try:
            return self._maintain()
        except Exception:
            raise
        except BaseException:  # such as Ctrl-C: closing must not begin all of it anew
            self._changed = False
            raise

    def _maintain(self, *, by_itself: bool = False, interrupted: bool = False) -> tuple[str, ...]:
        # Whoever looks on does so from here on: Ctrl-C is then no failure of what is done already.
        with (
            self._guard,
            disk_guard(self._directory, 0),
            building(ended=interrupted) as made,
        ):
            give_up_overdue(self._catalog)
            merge_small_segments(self._catalog, self._segments, self._state.fingerprint)
            self.readings.refresh()
            self._sweep()
            if not (by_itself and self._ended):
                self._tidies = save_indexes(self._indexes, self.readings, made)
                self._ended = bool(made.unbuilt)
            fold_journal(self._catalog, self._directory, self._state.seq)
            self._changed = False
        return tuple(made.unbuilt)

    def copy_tables(self) -> None:
        """See ``CollectionStore.copy_tables``."""
        with self._guard, disk_guard(self._directory, 0):
            copy_tables(self._catalog, self._directory, self._state.seq)

    def forget_changes(self) -> None:
        """See ``CollectionStore.forget_changes``."""
        self._changed = False

    def loaded(self, space: str) -> LoadedIndex:
        """The index of a space as of the newest commit."""
        with self._guard:  # the file stays at this commit until the index is
            return self._indexes.get(space, self.readings)

    @property
    def _state(self) -> State:
        return self.readings.state

    def _tidy_up(self) -> None:
        """What has to be done now and then after a commit."""
        with self._afterwards():
            if self._tidies and is_overdue(self._indexes, self._state):
                self._maintain(by_itself=True)
            else:
                with self._guard, disk_guard(self._directory, 0):
                    fold_journal(self._catalog, self._directory, self._state.seq)

    @contextmanager
    def _afterwards(self) -> Iterator[None]:
        """What follows commits that stand: a failure is told, once, and all else goes on."""
        try:
            yield
        except Exception as error:
            short = is_out_of_memory(error)
            if not (short or isinstance(error, CollectionError | OSError)):
                raise
            told, self._tidies, self._told = self._told, False, True
            if not told:
                why = "memory ran out" if short else error
                _log.warning("what was asked is done, but tidying up afterwards failed: %s", why)

    def _sweep(self) -> None:
        state = self._state
        live = [segment.name for segment in state.segments]
        sweep(self._segments, live, state.replaced, state.reserved)
        transforms.sweep(self._directory, state.derived)
