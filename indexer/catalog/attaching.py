"""How DuckDB is asked for a catalog's file, and kept from everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitrail.indexer.telemetry import DUCKDB

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def config() -> dict[str, Any]:
    """Settings of a new connection."""
    return dict(DUCKDB)


def seal(connection: DuckDBPyConnection) -> None:
    """Let no SQL of a user's filter touch files, the network or settings."""
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def attach(path: str, mode: str) -> str:
    """The statement that attaches a file as ``disk``, ``READ_ONLY`` or ``READ_WRITE``."""
    return "ATTACH '" + path.replace("'", "''") + f"' AS disk (TYPE duckdb, {mode})"
