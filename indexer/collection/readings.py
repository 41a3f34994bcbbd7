"""Where answers about a commit come from: the catalog's file, or a copy of it in memory."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.catalog.columns import known_columns
from vitrail.indexer.catalog.filter_cache import FilterCache
from vitrail.indexer.catalog.filtering import FilterSource
from vitrail.indexer.catalog.journal_tail import UntoldError
from vitrail.indexer.catalog.metadata_cache import MetadataCache
from vitrail.indexer.catalog.news import read_commit
from vitrail.indexer.catalog.replica import Replica, errors_untold
from vitrail.indexer.catalog.state import State, read_state

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_OFTEN = 3  # readings of metadata, or filters, that a single query does not reach


class Readings(Protocol):
    """Readings of a catalog at one commit, from any number of threads.

    Whatever is read raises a ``CollectionError`` where the catalog, or the file of a large copy,
    turns out to be damaged or cannot be read now.
    """

    @property
    def state(self) -> State:
        """The commit."""

    def reading(self) -> AbstractContextManager[DuckDBPyConnection]:
        """A sealed read-only connection of this thread's own, for a short moment."""

    def filtering(self) -> AbstractContextManager[FilterSource]:
        """A connection for SQL that a user wrote, and what is known of it."""

    @property
    def filters(self) -> FilterCache | None:
        """What filters let through at this commit, where that is kept."""

    def metadata_cache(self, *, at_once: bool = False) -> MetadataCache | None:
        """Metadata in memory, where that is worth it.

        Args:
            at_once: load it now, however seldom it was asked for.
        """


class CatalogCopy:
    """Readings of one commit from a private copy, which never changes: threads share it.

    Commits that follow each other share a copy as far as they agree: ``newer`` costs what has
    changed. Memory goes back when nobody holds the commits that need it any more.

    Args:
        catalog: the collection's.
        replica: the private copy, whose newest commit this is; ``None`` makes one.

    Raises:
        CollectionError: the catalog is damaged, missing, cannot be read now, or is of a newer
            format; or there is no room for a copy.
    """

    def __init__(self, catalog: Catalog, replica: Replica | None = None) -> None:
        self._catalog = catalog
        self._replica = catalog.copy() if replica is None else replica
        self._seq = self._replica.head
        weakref.finalize(self, self._replica.let_go, self._seq).atexit = False
        self._cache: MetadataCache | None = None
        self._filters = FilterCache()
        self._flat = False
        self._columns: tuple[str, ...] | None = None
        self._asked = self._filtered = 0
        self._working = threading.Lock()
        with self.reading() as cursor:
            self._state = read_state(cursor, catalog.path)

    @property
    def state(self) -> State:
        """The commit."""
        return self._state

    @contextmanager
    def reading(self) -> Iterator[DuckDBPyConnection]:
        """A connection to read with; every thread gets its own."""
        with self._catalog.errors():  # a large copy is a file, read as it is asked for
            cursor = self._replica.cursor(self._seq)
            try:
                yield cursor
            finally:
                cursor.close()

    @contextmanager
    def filtering(self) -> Iterator[FilterSource]:
        """A connection for SQL that a user wrote, and what is known of it."""
        self._filtered += 1
        if self._filtered > _OFTEN:
            self.flatten()
        with self.reading() as cursor:
            if self._columns is None:  # two threads that look at once see the same
                self._columns = tuple(known_columns(cursor))
            yield FilterSource(cursor, self._flat, self._columns)

    @property
    def filters(self) -> FilterCache:
        """What filters let through at this commit; it goes with it."""
        return self._filters

    def flatten(self) -> None:
        """Bring all columns into one table, once: a filter then takes milliseconds on 10^6 rows.

        Raises:
            CollectionError: the copy is a file that cannot be read now.
        """
        if self._flat:  # by far the most often, and no reason to wait for what else goes on
            return
        with self._working:
            if not self._flat:
                with self._catalog.errors():
                    self._replica.flatten(self._seq)
                self._flat = True

    def metadata_cache(self, *, at_once: bool = False) -> MetadataCache | None:
        """Metadata in memory, once it was asked for often enough to be a service."""
        self._asked += 1
        if self._cache is None and (at_once or self._asked > _OFTEN):
            with self._working:
                if self._cache is None:
                    with self.reading() as connection:
                        self._cache = MetadataCache(connection)
        return self._cache

    def newer(self) -> CatalogCopy | None:
        """Readings of the catalog's newest commit; ``None`` where this is it.

        Where the journal tells what has changed, that is all that is read. Where it does not (it
        is lost or was cut, the catalog is another one, columns of the user's own have other types,
        or most has changed), there is a new copy.

        Raises:
            CollectionError: as for a first copy.
        """
        try:
            with errors_untold():
                return self._moved_on()
        except UntoldError:
            return CatalogCopy(self._catalog)

    def _moved_on(self) -> CatalogCopy | None:
        with self._replica.moving:
            if self._replica.head != self._seq or not self._replica.whole:
                raise UntoldError("something failed after, or while, news were taken in")
            news = self._catalog.news(self._replica.known())
            if news is None:
                return None
            self._replica.move_on(news)
        return CatalogCopy(self._catalog, self._replica)

    def continues(self, earlier: CatalogCopy) -> bool:
        """Whether an earlier commit is one of those that led to this one.

        It is not where the catalog was made anew, or an older one was copied back and went on.
        """
        if earlier._replica is self._replica:
            return True
        with earlier.reading() as before, self.reading() as now:
            commit = read_commit(before, earlier._seq)
            same = self._state.incarnation == earlier._state.incarnation
            return same and read_commit(now, earlier._seq) == commit

    def follow(self, earlier: CatalogCopy) -> None:
        """Load what was loaded of an earlier commit, so that whoever asks next need not wait.

        Raises:
            CollectionError: the copy is a file that cannot be read now.
        """
        if earlier._cache is not None:
            if earlier._replica is self._replica:
                changed = self._replica.changed(earlier._seq, self._seq)
                with self.reading() as connection:
                    self._cache = earlier._cache.moved_on(connection, changed)
            else:
                self.metadata_cache(at_once=True)
        if earlier._flat:
            self.flatten()


class CatalogFile:
    """Readings of a writer, whose own commits are the only ones: of the newest, from the file.

    Args:
        catalog: the collection's.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._state: State | None = None

    @property
    def state(self) -> State:
        """The commit."""
        if self._state is None:
            self.refresh()
        assert self._state is not None
        return self._state

    def refresh(self) -> bool:
        """Move on to the newest commit; true when it is another than before.

        Raises:
            CollectionError: the catalog is damaged, missing or of a newer format.
        """
        before, self._state = self._state, newest_state(self._catalog)
        return before is None or before.seq != self._state.seq

    @contextmanager
    def reading(self) -> Iterator[DuckDBPyConnection]:
        """The file, opened for a short moment."""
        with self._catalog.reading() as connection:
            yield connection

    @contextmanager
    def filtering(self) -> Iterator[FilterSource]:
        """The file, sealed for SQL that a user wrote."""
        with self._catalog.sealed() as connection:
            yield FilterSource(connection)

    @property
    def filters(self) -> None:
        """None: the next commit would make it stale."""

    def metadata_cache(self, *, at_once: bool = False) -> MetadataCache | None:  # noqa: ARG002
        """None: the next commit would make it stale."""
        return None


def newest_state(catalog: Catalog) -> State:
    """What the catalog says now.

    Raises:
        CollectionError: it is damaged, missing or of a newer format.
    """
    with catalog.reading() as connection:
        return read_state(connection, catalog.path)
