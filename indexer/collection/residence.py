"""Where a reader's answers come from: a copy in memory, or the catalog opened for a moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.catalog.columns import flatten
from vitrail.indexer.catalog.state import State, read_state
from vitrail.indexer.collection.hot import HotRows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_OFTEN = 3  # readings of metadata, or filters, that a single query does not reach


class Residence:
    """Readings of one catalog.

    A reader copies the catalog into memory, so that it holds no lock and stays at one commit; a
    writer, whose own commits are the only ones, opens the file for each reading.

    Args:
        catalog: the collection's.
        writable: whether this process is the writer.
    """

    def __init__(self, catalog: Catalog, *, writable: bool) -> None:
        self._catalog = catalog
        self._writable = writable
        self._memory: DuckDBPyConnection | None = None
        self._database = "memory"
        self._hot: HotRows | None = None
        self._flat: DuckDBPyConnection | None = None  # the copy that has the table of all columns
        self._asked = self._filtered = 0
        self._guard = threading.Lock()
        self._flattening = threading.Lock()
        self._state: State | None = None

    @property
    def state(self) -> State:
        """The commit that readings answer for."""
        if self._state is None:
            self.refresh()
        assert self._state is not None
        return self._state

    def refresh(self) -> bool:
        """Move on to the newest commit; true when it is another than before.

        Raises:
            CollectionError: the catalog is damaged, missing or of a newer format.
        """
        before = self._state
        if before is None and not self._writable:
            self._copy()
            return True
        with self._catalog.reading() as connection:
            state = read_state(connection, self._catalog.path)
        if before is not None and before.seq == state.seq:
            return False
        if self._writable:
            self._state = state
        else:
            self._copy()
        return True

    def _copy(self) -> None:
        memory, database = self._catalog.copy()
        with self._guard:
            self._memory, self._database = memory, database
            self._hot, self._flat = None, None
            self._asked = self._filtered = 0
            self._state = read_state(memory, self._catalog.path)

    @contextmanager
    def reading(self) -> Iterator[DuckDBPyConnection]:
        """A connection to read with; every thread gets its own."""
        if self._writable:
            with self._catalog.reading() as connection:
                yield connection
            return
        with self._cursor() as (cursor, _):
            yield cursor

    @contextmanager
    def filtering(self) -> Iterator[tuple[DuckDBPyConnection, bool]]:
        """A connection for SQL that a user wrote, and whether ``flatten`` has been done there."""
        if self._writable:
            with self._catalog.sealed() as connection:
                yield connection, False
            return
        self._filtered += 1
        if self._filtered > _OFTEN:
            self.flatten()
        with self._cursor() as (cursor, memory):
            yield cursor, self._flat is memory

    def flatten(self) -> None:
        """Bring all columns into one table, once: a filter then takes milliseconds on 10^6 rows."""
        if self._writable:
            return
        with self._flattening, self._cursor() as (cursor, memory):
            if self._flat is not memory:
                flatten(cursor)
                self._flat = memory

    @contextmanager
    def _cursor(self) -> Iterator[tuple[DuckDBPyConnection, DuckDBPyConnection]]:
        """A connection of this thread's own, and the copy that it reads."""
        if self._memory is None:
            self.refresh()
        with self._guard:
            assert self._memory is not None
            memory, cursor = self._memory, self._memory.cursor()
            cursor.execute(f"USE {self._database}")
        try:
            with self._catalog.errors():  # a large copy is a file, read as it is asked for
                yield cursor, memory
        finally:
            cursor.close()

    def hot_rows(self, *, at_once: bool = False) -> HotRows | None:
        """Metadata in memory, once a reader has asked often enough to be a service."""
        if self._writable:
            return None
        self._asked += 1
        if self._hot is None and (at_once or self._asked > _OFTEN):
            with self.reading() as connection:
                self._hot = HotRows(connection)
        return self._hot

    def close(self) -> None:
        """Give the memory back."""
        with self._guard:
            self._hot = None
            memory, self._memory = self._memory, None
        if memory is not None:
            memory.close()
        self._catalog.close()
