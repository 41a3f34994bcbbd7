"""What is true of every catalog, and what is compared with the files on disk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vitrail.indexer.catalog.schema import TABLES
from vitrail.indexer.paths import original

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LIVE = "FROM images i ANTI JOIN deletions d ON d.image_id = i.id"
_RULES = {
    "two live images have the same id": f"SELECT id {_LIVE} GROUP BY id HAVING count(*) > 1",
    "two live images have the same content": f"SELECT min(id) {_LIVE} "
    "GROUP BY content_hash HAVING count(*) > 1",
    "a file belongs to no image": "SELECT path FROM files ANTI JOIN images ON id = image_id "
    "ANTI JOIN deletions d ON d.image_id = files.image_id",
    "a file and its image differ in content": "SELECT path FROM files f JOIN images i "
    "ON i.id = f.image_id WHERE f.content_hash <> i.content_hash",
    "a path is listed twice": "SELECT path FROM files GROUP BY path, path_raw HAVING count(*) > 1",
}


def broken_rules(connection: DuckDBPyConnection) -> Iterator[tuple[str, object, int]]:
    """Rules that do not hold: in words, an example, and how many there are."""
    for rule, sql in _RULES.items():
        rows = connection.execute(sql).fetchall()
        if rows:
            yield rule, rows[0][0], len(rows)


def read_everything(connection: DuckDBPyConnection) -> None:
    """Read every row of every table, so that damage shows."""
    there = {row[0] for row in connection.execute("SHOW TABLES").fetchall()}
    for table in TABLES:
        if table in there:  # an older format has fewer
            connection.execute(f"SELECT bit_xor(hash(t)) FROM {table} t").fetchall()


def present_files(connection: DuckDBPyConnection) -> list[tuple[str, int, int]]:
    """Path, size and modification time in nanoseconds of files that should be on disk, by path."""
    rows = connection.execute(
        "SELECT path, path_raw, size, mtime_ns FROM files ANTI JOIN deletions USING (image_id) "
        "WHERE NOT missing ORDER BY path"
    ).fetchall()
    return [(original(text, data), size, mtime_ns) for text, data, size, mtime_ns in rows]
