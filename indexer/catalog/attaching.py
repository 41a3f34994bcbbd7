"""How DuckDB is asked for a catalog's file, and kept from everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrail.indexer.telemetry import DUCKDB

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

WITHOUT_LOG = "READ_WRITE, RECOVERY_MODE 'no_wal_writes'"
"""How a private file is attached whose folder is gone: DuckDB would write a log there."""


# Rows that DuckDB compresses together. A checkpoint writes anew what was added to the last group,
# and all of one that has just become full, while readers wait: with DuckDB's own 122,880 rows that
# took a second now and then. It has to be said each time, or groups are joined to larger ones.
_GROUP_ROWS = 8192


def connect(path: str = ":memory:", *, read_only: bool = False) -> DuckDBPyConnection:
    """A new connection, which fetches nothing and draws nothing.

    Of ``python -c`` and a notebook DuckDB thinks that somebody wants to see a bar.
    """
    import duckdb

    connection = duckdb.connect(path, read_only=read_only, config=dict(DUCKDB))
    connection.execute("SET enable_progress_bar = false")
    return connection


def seal(connection: DuckDBPyConnection) -> None:
    """Let no SQL of a user's filter touch files, the network or settings."""
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def never_checkpoint(connection: DuckDBPyConnection) -> None:
    """Keep DuckDB from writing what changes into its files: nobody but this process needs it."""
    connection.execute("SET checkpoint_threshold = '1TB'")
    connection.execute("SET auto_checkpoint_skip_wal_threshold = 1000000000000")
    connection.execute("PRAGMA disable_checkpoint_on_shutdown")


def attach(path: str, mode: str) -> str:
    """The statement that attaches a file as ``disk``.

    Args:
        path: the file.
        mode: ``READ_ONLY``, ``READ_WRITE`` or ``WITHOUT_LOG``.
    """
    groups = f", ROW_GROUP_SIZE {_GROUP_ROWS}" if mode == "READ_WRITE" else ""
    return "ATTACH '" + path.replace("'", "''") + f"' AS disk (TYPE duckdb, {mode}{groups})"
