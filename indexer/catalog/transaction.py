"""An open transaction of the catalog's writer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog.journal import KEYS, LINE_ROWS, Record
from vitrail.indexer.catalog.schema import TABLES, quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CHANGE = re.compile(r"\s*(INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(\w+)", re.IGNORECASE)
_OTHER = re.compile(
    r"\s*(CREATE\s+(OR\s+REPLACE\s+)?TABLE|ALTER\s+TABLE|DROP\s+TABLE|TRUNCATE|MERGE\s+INTO|COPY)"
    rf"\s+({'|'.join(KEYS)})\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class HeldRows:
    """Rows of a commit to come, handed to DuckDB already: what takes most of an insertion's time.

    Attributes:
        table: where they go.
        columns: they.
        connection: what holds them, in a table of its own.
    """

    table: str
    columns: Mapping[str, Sequence[Any]]
    connection: DuckDBPyConnection

    @property
    def source(self) -> str:
        """The table that holds them."""
        return f"temp.held_{self.table}"


@dataclass(frozen=True, slots=True)
class Transaction:
    """An open transaction.

    What it changes in the tables that no segment holds goes into the journal's record, whichever
    way it is changed; only ``connection`` passes that by, and is for reading.

    Attributes:
        connection: the catalog's.
        seq: the number of the commit it will become.
        record: that commit's record; ``None`` where no journal follows.
    """

    connection: DuckDBPyConnection
    seq: int
    record: Record | None = None

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        if _CHANGE.match(sql) or _OTHER.match(sql):
            raise TypeError(f"a change goes through run: {sql}")
        return self.connection.execute(sql, list(parameters)).fetchall()

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Execute a statement.

        Raises:
            TypeError: it changes a journalled table in a way that cannot be noted.
        """
        if self.record is None:
            self.connection.execute(sql, list(parameters))
            return
        if _OTHER.match(sql):
            raise TypeError(f"the journal cannot follow: {sql}")
        change = _CHANGE.match(sql)
        if change is None or change[2].lower() not in KEYS:
            self.connection.execute(sql, list(parameters))
        else:
            self._change(self.record, change[1][0].upper(), change[2].lower(), sql, parameters)

    def _change(
        self, record: Record, verb: str, table: str, sql: str, parameters: Sequence[Any]
    ) -> None:
        if verb != "D" and table in ("images", "predictions") and (verb, table) != ("U", "images"):
            raise TypeError(f"the journal cannot follow: {sql}")
        names = ", ".join(map(quote, KEYS[table])) if verb == "D" else "*"
        result = self.connection.execute(f"{sql} RETURNING {names}", list(parameters))
        found = [column[0] for column in result.description or ()]
        rows = result.fetchall()
        if rows:
            columns = dict(zip(found, map(list, zip(*rows, strict=True)), strict=True))
            record.note(table, {"I": "append", "U": "put", "D": "drop"}[verb], columns)

    def append(self, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """Append rows given by column; columns left out are NULL."""
        if next(iter(columns.values())):
            self._insert(table, table, columns)
            if self.record is not None:
                self.record.note_appended(table, columns)

    def hold(self, table: str, columns: Mapping[str, Sequence[Any]]) -> HeldRows:
        """Get rows ready for ``append_held`` in the transaction that is being prepared."""
        held = HeldRows(table, columns, self.connection)
        kinds = ", ".join(f"{quote(name)} {TABLES[table][name]}" for name in columns)
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE held_{table} ({kinds})")
        if next(iter(columns.values())):
            self._insert(held.source, table, columns)
        return held

    def append_held(self, held: HeldRows) -> None:
        """Append rows that are ready."""
        if held.connection is not self.connection:  # DuckDB was let go meanwhile
            self.append(held.table, held.columns)
            return
        if not next(iter(held.columns.values())):
            return
        names = ", ".join(map(quote, held.columns))
        self.connection.execute(
            f"INSERT INTO {held.table} ({names}) SELECT {names} FROM {held.source}"
        )
        if self.record is not None:
            self.record.note_appended(held.table, held.columns)

    def _insert(self, target: str, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
        names = ", ".join(map(quote, columns))
        values = ", ".join(f"unnest(?::{TABLES[table][name]}[])" for name in columns)
        self.connection.execute(
            f"INSERT INTO {target} ({names}) SELECT {values}", [list(v) for v in columns.values()]
        )

    def replace_annotations(self, source: str, changed: str) -> None:
        """Put a table in place of the user's own columns.

        Args:
            source: the new table's name.
            changed: a table with the ``content_hash`` of every row that differs from before.
        """
        self.connection.execute(f"CREATE OR REPLACE TABLE annotations AS SELECT * FROM {source}")
        if self.record is None:
            return
        found = self.rows("PRAGMA table_info('annotations')")
        self.record.note_columns("annotations", {row[1]: row[2] for row in found})
        # As text, which holds every type; the rows may be too many for memory.
        texts = ", ".join(f"{quote(row[1])}::VARCHAR" for row in found)
        query = f"SELECT {texts} FROM annotations SEMI JOIN {changed} USING (content_hash)"
        for rows in _portions(self.connection, query):
            columns = zip(
                (row[1] for row in found), map(list, zip(*rows, strict=True)), strict=True
            )
            self.record.note("annotations", "put", dict(columns))


def _portions(connection: DuckDBPyConnection, query: str) -> Iterator[list[tuple[Any, ...]]]:
    result = connection.execute(query)
    while rows := result.fetchmany(LINE_ROWS):
        yield rows
