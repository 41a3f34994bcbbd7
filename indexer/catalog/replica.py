"""A reader's private copy of the catalog, brought forward by what changed, commit by commit.

Each row carries the commits that it is of, and each commit has a schema of views through which just
its rows are seen. Nothing that a commit shows ever changes, so any number of threads may read any
number of commits while the copy is brought forward; what they agree in is there once. DuckDB's own
versions would do that too, but only within a transaction that is held open for each reader of a
commit, and that the first error of a filter ends.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.catalog.columns import FLAT, flatten, flatten_again
from vitrail.indexer.catalog.journal_tail import Place, UntoldError
from vitrail.indexer.catalog.news import Commit, Known, News, count_rows, own_columns, read_commit
from vitrail.indexer.catalog.schema import TABLES, quote
from vitrail.indexer.catalog.span_changes import SpanChanges
from vitrail.indexer.catalog.spans import FROM, UNTIL, add_spans, begun_at, seen_at
from vitrail.indexer.catalog.state import last_seq

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_FEW = 8192  # rows that may change in a small catalog
_MOST = 0.25  # share of the rows that may change before all is read anew


@dataclass(frozen=True, slots=True)
class _Flat:
    """The flat table that commits share from one on."""

    name: str
    since: int


class Replica:
    """A private DuckDB with the catalog of one commit, or of several that follow each other.

    Args:
        connection: to the copy, which nobody else has.
        database: the database that the tables are in: ``memory``, or ``disk`` where it is a file.
        place: where the journal goes on after its commit; ``None`` where that is not known.

    Attributes:
        head: number of the newest commit.
        moving: held by whoever finds out what is newer, and takes it in.
        whole: whether nothing was begun to be taken in that was not ended, as where Ctrl-C came
            between; no more can be taken in then.
    """

    def __init__(self, connection: DuckDBPyConnection, database: str, place: Place | None) -> None:
        self._connection = connection
        self._database = database
        self._place = place
        self._main = f"{database}.main"
        self._guard = threading.Lock()
        self.moving = threading.Lock()
        self._turn = threading.RLock()  # of those who change the tables, for a short moment
        self.head = last_seq(connection)
        self.whole = True
        self._columns = _columns(connection, database)
        self._counts: dict[str, int] = {}
        self._changed: list[tuple[int, frozenset[int]]] = []
        self._most = self._rows_changed = 0
        self._spanned = False
        self._flat: _Flat | None = None
        self._shared: set[str] = set()  # names of flat tables that several commits may see
        self._over: deque[int] = deque()
        self._show(connection, self.head)

    def cursor(self, seq: int) -> DuckDBPyConnection:
        """A connection that sees one commit; it is for the caller's thread, and to be closed."""
        cursor = self._cursor()
        cursor.execute(f"USE {self._database}.c{seq}")
        return cursor

    def let_go(self, seq: int) -> None:
        """Note that nobody reads a commit any more; may be called at any moment, in any thread."""
        self._over.append(seq)

    def known(self) -> Known:
        """The newest commit here, from which the catalog's newest can be told."""
        cursor = self.cursor(self.head)
        try:
            meta = dict(cursor.execute("SELECT key, value FROM meta").fetchall())
            commit = read_commit(cursor, self.head)
            names = cursor.execute("SELECT name FROM segments").fetchall()
            own = [one for one in own_columns(cursor) if one[0] != "rowid"]
        finally:
            cursor.close()
        return Known(
            incarnation=meta["incarnation"],
            commit=commit or Commit(-1, None, None),
            place=self._place,
            own=tuple(own),
            segments=frozenset(row[0] for row in names),
            ids=self._ids,
        )

    def move_on(self, news: News) -> None:
        """Take in what was committed since ``head``; commits of before stay as they are.

        Args:
            news: as read for ``known``, by whoever has held ``moving`` since.

        Raises:
            UntoldError: all is better read anew; nothing has changed.
            duckdb.Error: the same.
        """
        with self._turn:
            self.whole = False
            self._sweep()
            cursor = self._cursor()
            try:
                cursor.execute(f"USE {self._main}")
                self._prepare(cursor)
                spans = self._take(cursor, news)
            finally:
                cursor.close()
            self._counts = dict(news.counts)
            self._changed.append((news.seq, frozenset(spans.ids)))
            self._rows_changed += spans.ended.total() + spans.begun.total()
            self._place, self.head, self.whole = news.place, news.seq, True
            self._move_flat(news.seq, spans.ids)

    def changed(self, after: int, upto: int) -> set[int]:
        """Ids of the images that something has changed about after one commit and up to another."""
        sets = (ids for seq, ids in list(self._changed) if after < seq <= upto)
        return set[int]().union(*sets)

    def flatten(self, seq: int) -> None:
        """Bring all columns of a commit into one table, which later commits share.

        Raises:
            duckdb.Error: there is no memory.
        """
        with self._turn:
            shared = self._flat
            if shared is not None and shared.since <= seq:
                self._show_flat(shared.name, seq)
                return
        name = f"flat_{seq}"
        cursor = self.cursor(seq)
        try:
            flatten(cursor, f"memory.main.{name}", begun_at(0))
        finally:
            cursor.close()
        with self._turn:
            self._show_flat(name, seq)
            if self._flat is None:
                self._share(name, seq)

    # Inside

    def _share(self, name: str, seq: int) -> None:
        """Let a commit's flat table be that of all commits from the newest one on."""
        self._shared.add(name)
        self._flat = _Flat(name, self.head)
        if seq < self.head:  # others moved on meanwhile
            self._move_flat(self.head, self.changed(seq, self.head))

    def _cursor(self) -> DuckDBPyConnection:
        with self._guard:
            return self._connection.cursor()

    def _ids(self, low: int, high: int) -> NDArray[np.int64]:
        cursor = self.cursor(self.head)
        try:
            found = cursor.execute(
                "SELECT id FROM images WHERE id BETWEEN ? AND ? ORDER BY id", [low, high]
            ).fetchnumpy()["id"]
        finally:
            cursor.close()
        return np.asarray(np.ma.getdata(found), np.int64)

    def _prepare(self, cursor: DuckDBPyConnection) -> None:
        """Let rows carry spans, which whoever reads a single commit does without."""
        if self._spanned:
            return
        self._counts = count_rows(cursor)
        self._most = _FEW + int(_MOST * sum(self._counts.values()))
        cursor.execute("BEGIN")
        try:
            add_spans(cursor, self._columns)
            self._show(cursor, self.head, spanned=True)
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")
        self._spanned = True

    def _take(self, cursor: DuckDBPyConnection, news: News) -> SpanChanges:
        spans = SpanChanges(cursor, news.seq, self._most - self._rows_changed)
        cursor.execute("BEGIN")
        try:
            spans.take(news)
            spans.check(self._counts, news.counts)
            self._show(cursor, news.seq, spanned=True)
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")
        return spans

    def _show(self, cursor: DuckDBPyConnection, seq: int, *, spanned: bool = False) -> None:
        """Make the views of a commit; ``rowid`` is there as it is in a table."""
        schema = f"{self._database}.c{seq}"
        where = f" WHERE {seen_at(seq)}" if spanned else ""
        views = [f"CREATE SCHEMA IF NOT EXISTS {schema}"]
        for table, names in self._columns.items():
            own = [] if "rowid" in map(str.lower, names) else ["rowid"]
            listed = ", ".join([*own, *map(quote, names)])
            views.append(
                f"CREATE OR REPLACE VIEW {schema}.{table} AS "
                f"SELECT {listed} FROM {self._main}.{table}{where}"
            )
        cursor.execute("; ".join(views))

    def _show_flat(self, name: str, seq: int) -> None:
        cursor = self._cursor()
        try:
            cursor.execute(
                f"CREATE OR REPLACE VIEW {self._database}.c{seq}.{FLAT} AS "
                f"SELECT * EXCLUDE ({FROM}, {UNTIL}) FROM memory.main.{name} WHERE {seen_at(seq)}"
            )
        finally:
            cursor.close()

    def _move_flat(self, seq: int, ids: set[int]) -> None:
        """Bring the flat table to a commit; where that fails, later commits make one of theirs."""
        import duckdb

        flat, self._flat = self._flat, None
        if flat is None:
            return
        cursor = self.cursor(seq)
        try:
            cursor.execute("BEGIN")
            flatten_again(cursor, f"memory.main.{flat.name}", ids, seq)
            cursor.execute("COMMIT")
        except duckdb.Error:  # which ends the transaction
            return
        finally:
            cursor.close()
        self._flat = flat

    def _sweep(self) -> None:
        """Drop what only commits have that nobody reads any more."""
        cursor = self._cursor()
        try:
            while self._over:
                seq = self._over[0]
                cursor.execute(f"DROP SCHEMA IF EXISTS {self._database}.c{seq} CASCADE")
                if f"flat_{seq}" not in self._shared:
                    cursor.execute(f"DROP TABLE IF EXISTS memory.main.flat_{seq}")
                self._over.popleft()
        finally:
            cursor.close()


@contextmanager
def errors_untold() -> Iterator[None]:
    """Take what DuckDB refuses meanwhile for something that the journal does not tell.

    Raises:
        UntoldError: it has refused; all is better read anew.
    """
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise UntoldError(str(error)) from error


def _columns(connection: DuckDBPyConnection, database: str) -> dict[str, list[str]]:
    """The columns of each table."""
    rows = connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() "
        "WHERE database_name = ? AND schema_name = 'main' ORDER BY table_name, column_index",
        [database],
    ).fetchall()
    found: dict[str, list[str]] = {table: [] for table in TABLES}
    for table, column in rows:
        if table in found:
            found[table].append(column)
    return found
