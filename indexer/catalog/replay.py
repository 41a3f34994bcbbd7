"""Changes of the journal put into a catalog's tables again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog.journal import KEYS
from vitrail.indexer.catalog.schema import TABLES, quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def replay(connection: DuckDBPyConnection, content: Mapping[str, Any]) -> None:
    """Do again what a line of the journal says.

    Args:
        connection: at the catalog, as it was before.
        content: of the line.
    """
    for change in content["changes"]:
        table, do, columns = change["table"], change["do"], change["columns"]
        if do == "shape":
            _reshape(connection, table, columns)
            continue
        rows = {name: told_values(table, name, values) for name, values in columns.items()}
        if do in ("put", "drop"):
            _drop(connection, table, rows)
        if do in ("put", "append"):
            _append(connection, table, rows)


def _append(connection: DuckDBPyConnection, table: str, rows: Mapping[str, Sequence[Any]]) -> None:
    names = ", ".join(map(quote, rows))
    values = ", ".join(unnested(connection, table, rows))
    connection.execute(f"INSERT INTO {table} ({names}) SELECT {values}", list(rows.values()))


def _drop(connection: DuckDBPyConnection, table: str, rows: Mapping[str, Sequence[Any]]) -> None:
    keys = KEYS[table]
    values = ", ".join(
        f"{value} AS {name}"
        for name, value in zip(keys, unnested(connection, table, keys), strict=True)
    )
    same = " AND ".join(f"t.{name} IS NOT DISTINCT FROM k.{name}" for name in keys)
    connection.execute(
        f"DELETE FROM {table} t USING (SELECT {values}) k WHERE {same}",
        [rows[name] for name in keys],
    )


def _reshape(connection: DuckDBPyConnection, table: str, columns: Mapping[str, str]) -> None:
    """Give a table the columns and types that it had, keeping its rows.

    A text that kept a column from being numbers is put anew by what follows, and is nothing until
    then; all others can be cast.
    """
    before = kinds_of(connection, table)
    if before != columns:
        chosen = ", ".join(
            f"try_cast({quote(name) if name in before else 'NULL'} AS {kind}) AS {quote(name)}"
            for name, kind in columns.items()
        )
        connection.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT {chosen} FROM {table}")


def kinds_of(connection: DuckDBPyConnection, table: str) -> dict[str, str]:
    """The columns that a table has, and their SQL types."""
    found = connection.execute(f"PRAGMA table_info('{table}')").fetchall()
    return {row[1]: row[2] for row in found}


def unnested(connection: DuckDBPyConnection, table: str, names: Iterable[str]) -> list[str]:
    """SQL for each column's values from a list that is given as a parameter.

    Args:
        connection: to the tables, whose columns of the user's own have their types there.
        table: whose columns they are.
        names: of the columns.
    """
    if table == "annotations":  # whose values are text, whatever their type
        kinds = kinds_of(connection, table)
        return [f"unnest(?::VARCHAR[])::{kinds[name]}" for name in names]
    return [f"unnest(?::{TABLES[table][name]}[])" for name in names]


def told_values(table: str, name: str, values: Any) -> list[Any]:
    """The values of a column, a row each, as a line of the journal tells them."""
    if isinstance(values, dict):
        values = [values["all"]] * values["rows"]
    if TABLES[table].get(name) == "BLOB":
        return [None if value is None else bytes.fromhex(value) for value in values]
    return list(values)
