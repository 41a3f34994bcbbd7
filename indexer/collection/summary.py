"""What a collection holds, in numbers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from indexer.catalog.columns import annotation_columns
from indexer.collection.current_indexes import CurrentIndexes
from indexer.collection.residence import Residence

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_COUNTS = {
    "files": "SELECT count(*) FROM files WHERE NOT missing",
    "missing_files": "SELECT count(*) FROM files WHERE missing",
    "rejects": "SELECT count(*) FROM rejects",
    "generated": "SELECT count(*) FROM images i ANTI JOIN deletions d ON d.image_id = i.id "
    "WHERE generated",
    "classified": "SELECT count(DISTINCT image_id) FROM predictions",
    "commits": "SELECT count(*) FROM commits",
}


def describe_collection(
    directory: str, residence: Residence, indexes: CurrentIndexes
) -> dict[str, Any]:
    """Counts, spaces, fingerprint, sizes on disk in bytes and indexes, as plain types.

    Of each space, ``checks`` tells when the checksums of its saved vectors are compared, and
    ``checked`` which share has been in this process; ``None`` where they are not loaded.
    """
    state = residence.state
    with residence.reading() as connection:
        counts = {name: _one(connection, sql) for name, sql in _COUNTS.items()}
        own = annotation_columns(connection)
    return {
        "directory": directory,
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
        "spaces": {space: _space(indexes, space, dim) for space, dim in state.fingerprint.spaces},
        "bytes": _sizes(directory),
    }


def _space(indexes: CurrentIndexes, space: str, dim: int) -> dict[str, Any]:
    files = indexes.files(space)
    held = files.coverage()
    return {
        "dim": dim,
        "index": None if held is None else held.kind,
        "indexed": 0 if held is None else held.rows,
        "checks": files.checks(),
        "checked": indexes.checked(space),
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
