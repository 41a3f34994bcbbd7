"""An open transaction of the catalog's writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from indexer.catalog.schema import TABLES, quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Transaction:
    """An open transaction: ``seq`` is the number of the commit it will become."""

    connection: DuckDBPyConnection
    seq: int

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.connection.execute(sql, list(parameters)).fetchall()

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Execute a statement."""
        self.connection.execute(sql, list(parameters))

    def append(self, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """Append rows given by column; columns left out are NULL."""
        if not next(iter(columns.values())):
            return
        names = ", ".join(map(quote, columns))
        values = ", ".join(f"unnest(?::{TABLES[table][name]}[])" for name in columns)
        self.run(
            f"INSERT INTO {table} ({names}) SELECT {values}", [list(v) for v in columns.values()]
        )
