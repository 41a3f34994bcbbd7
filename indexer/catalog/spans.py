"""Rows that carry the commits that they are of, so that several commits lie in one table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FROM, UNTIL = "__from", "__until"
"""Columns: the first commit that a row is of, and the first one after it that lacks it."""
FOREVER = (1 << 63) - 1
"""Until when a row is that no commit lacks yet."""


def add_spans(connection: DuckDBPyConnection, tables: Iterable[str]) -> None:
    """Let the rows of tables carry spans: those that are there are of all commits."""
    for table in tables:
        connection.execute(f"ALTER TABLE {table} ADD COLUMN {FROM} BIGINT DEFAULT 0")
        connection.execute(f"ALTER TABLE {table} ADD COLUMN {UNTIL} BIGINT DEFAULT {FOREVER}")


def seen_at(seq: int) -> str:
    """SQL: whether a row is of a commit."""
    return f"{FROM} <= {seq} AND {UNTIL} > {seq}"


def begun_at(seq: int) -> str:
    """SQL: the two columns of a row that begins with a commit."""
    return f"{seq}::BIGINT AS {FROM}, {FOREVER}::BIGINT AS {UNTIL}"
