"""Where answers about a commit come from: the catalog's file, or a copy of it in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.catalog.columns import flatten
from vitrail.indexer.catalog.hot import HotRows
from vitrail.indexer.catalog.state import State, read_state

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_OFTEN = 3  # readings of metadata, or filters, that a single query does not reach


class Readings(Protocol):
    """Readings of a catalog at one commit."""

    @property
    def state(self) -> State:
        """The commit."""

    def reading(self) -> AbstractContextManager[DuckDBPyConnection]:
        """A sealed read-only connection of this thread's own, for a short moment."""

    def filtering(self) -> AbstractContextManager[tuple[DuckDBPyConnection, bool]]:
        """A connection for SQL that a user wrote, and whether ``flatten`` has been done there."""

    def hot_rows(self, *, at_once: bool = False) -> HotRows | None:
        """Metadata in memory, where that is worth it."""


class CatalogCopy:
    """Readings of one commit from a private copy, which never changes: threads share it.

    Its memory goes back when nobody holds it any more.

    Args:
        catalog: the collection's.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._memory, self._database = catalog.copy()
        self._hot: HotRows | None = None
        self._flat = False
        self._asked = self._filtered = 0
        self._guard = threading.Lock()
        self._working = threading.Lock()
        with catalog.errors():  # a large copy is a file, read as it is asked for
            self._state = read_state(self._memory, catalog.path)

    @property
    def state(self) -> State:
        """The commit."""
        return self._state

    @contextmanager
    def reading(self) -> Iterator[DuckDBPyConnection]:
        """A connection to read with; every thread gets its own."""
        with self._guard:
            cursor = self._memory.cursor()
        cursor.execute(f"USE {self._database}")
        try:
            with self._catalog.errors():  # a large copy is a file, read as it is asked for
                yield cursor
        finally:
            cursor.close()

    @contextmanager
    def filtering(self) -> Iterator[tuple[DuckDBPyConnection, bool]]:
        """A connection for SQL that a user wrote, and whether ``flatten`` has been done there."""
        self._filtered += 1
        if self._filtered > _OFTEN:
            self.flatten()
        with self.reading() as cursor:
            yield cursor, self._flat

    def flatten(self) -> None:
        """Bring all columns into one table, once: a filter then takes milliseconds on 10^6 rows."""
        if self._flat:  # by far the most often, and no reason to wait for what else goes on
            return
        with self._working:
            if not self._flat:
                with self.reading() as cursor:
                    flatten(cursor)
                self._flat = True

    def hot_rows(self, *, at_once: bool = False) -> HotRows | None:
        """Metadata in memory, once it was asked for often enough to be a service."""
        self._asked += 1
        if self._hot is None and (at_once or self._asked > _OFTEN):
            with self._working:
                if self._hot is None:
                    with self.reading() as connection:
                        self._hot = HotRows(connection)
        return self._hot

    def follow(self, earlier: CatalogCopy) -> None:
        """Load what was loaded of an earlier commit, so that whoever asks next need not wait."""
        if earlier._hot is not None:
            self.hot_rows(at_once=True)
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
    def filtering(self) -> Iterator[tuple[DuckDBPyConnection, bool]]:
        """The file, sealed for SQL that a user wrote."""
        with self._catalog.sealed() as connection:
            yield connection, False

    def hot_rows(self, *, at_once: bool = False) -> HotRows | None:  # noqa: ARG002
        """None: the next commit would make it stale."""
        return None


def newest_state(catalog: Catalog) -> State:
    """What the catalog says now.

    Raises:
        CollectionError: it is damaged, missing or of a newer format.
    """
    with catalog.reading() as connection:
        return read_state(connection, catalog.path)
