"""How much a catalog knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_COUNTS = {
    "files": "SELECT count(*) FROM files ANTI JOIN deletions USING (image_id) WHERE NOT missing",
    "missing_files": "SELECT count(*) FROM files ANTI JOIN deletions USING (image_id) "
    "WHERE missing",
    "rejects": "SELECT count(*) FROM rejects",
    "generated": "SELECT count(*) FROM images i ANTI JOIN deletions d ON d.image_id = i.id "
    "WHERE generated",
    "classified": "SELECT count(DISTINCT image_id) FROM predictions",
    "commits": "SELECT count(*) FROM commits",
}


def read_counts(connection: DuckDBPyConnection) -> dict[str, int]:
    """Numbers of present and missing files, rejects, generated and classified images, commits."""
    return {name: _one(connection, sql) for name, sql in _COUNTS.items()}


def _one(connection: DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0
