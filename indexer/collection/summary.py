"""What a collection holds, in numbers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from indexer.catalog.columns import annotation_columns

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from indexer.collection.collection import Collection

_COUNTS = {
    "files": "SELECT count(*) FROM files WHERE NOT missing",
    "missing_files": "SELECT count(*) FROM files WHERE missing",
    "rejects": "SELECT count(*) FROM rejects",
    "generated": "SELECT count(*) FROM images i ANTI JOIN deletions d ON d.image_id = i.id "
    "WHERE generated",
    "classified": "SELECT count(DISTINCT image_id) FROM predictions",
    "commits": "SELECT count(*) FROM commits",
}


def describe_collection(collection: Collection) -> dict[str, Any]:
    """Counts, spaces, fingerprint, sizes on disk in bytes and index kinds, as plain types."""
    state = collection.state
    with collection.reading() as connection:
        counts = {name: _one(connection, sql) for name, sql in _COUNTS.items()}
        own = annotation_columns(connection)
    return {
        "directory": collection.directory,
        "format": state.format,
        "created_at": state.created_at,
        "fingerprint": state.fingerprint.digest,
        "checkpoint": state.fingerprint.checkpoint,
        "encoder": state.fingerprint.describe(),
        "images": state.images,
        "deleted": state.deletions,
        **counts,
        "segments": len(state.segments),
        "annotations": own,
        "spaces": {space: _space(collection, space) for space in collection.spaces},
        "bytes": _sizes(collection.directory),
    }


def _space(collection: Collection, space: str) -> dict[str, Any]:
    held = collection.index_files(space).coverage()
    return {
        "dim": collection.spaces[space],
        "index": None if held is None else held.kind,
        "indexed": 0 if held is None else held.rows,
    }


def _one(connection: DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _sizes(directory: str) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for entry in os.scandir(directory):
        sizes[entry.name] = _tree(entry.path) if entry.is_dir() else entry.stat().st_size
    return sizes | {"total": sum(sizes.values())}


def _tree(directory: str) -> int:
    return sum(
        os.lstat(os.path.join(folder, name)).st_size
        for folder, _, names in os.walk(directory)
        for name in names
    )
