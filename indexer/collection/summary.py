"""What a collection holds, in numbers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog.columns import annotation_columns
from vitrail.indexer.catalog.departures import read_waiting
from vitrail.indexer.catalog.roots import MOUNTS, KnownRoot, read_roots
from vitrail.indexer.collection.current_indexes import CurrentIndexes
from vitrail.indexer.collection.maintenance import grace_days
from vitrail.indexer.collection.residence import Residence
from vitrail.indexer.paths import display

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
        waiting = _waiting(connection)
        roots = [_root(root) for root in read_roots(connection)]
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
        "waiting": waiting,
        "roots": roots,
        "segments": len(state.segments),
        "annotations": own,
        "spaces": {space: _space(indexes, space, dim) for space, dim in state.fingerprint.spaces},
        "bytes": _sizes(directory),
    }


def _waiting(connection: DuckDBPyConnection) -> dict[str, Any]:
    waiting, days = read_waiting(connection), grace_days(connection)
    until = waiting.until(days)
    return {
        "images": waiting.images,
        "grace_days": days,
        "first_until": None if until is None else until.isoformat(timespec="seconds"),
    }


def _root(root: KnownRoot) -> dict[str, Any]:
    last = root.last_indexed
    return {
        "path": display(root.path),
        "options": {key: value for key, value in root.options.items() if key != MOUNTS},
        "first_seen": root.first_seen.isoformat(timespec="seconds"),
        "last_indexed": None if last is None else last.isoformat(timespec="seconds"),
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
        sizes[entry.name] = tree_bytes(entry.path) if entry.is_dir() else entry.stat().st_size
    return sizes | {"total": sum(sizes.values())}


def tree_bytes(directory: str) -> int:
    """Bytes of all files below a directory."""
    return sum(
        os.lstat(os.path.join(folder, name)).st_size
        for folder, _, names in os.walk(directory)
        for name in names
    )
