"""What an export takes from the catalog beside the vectors."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog.columns import annotation_columns
from vitrail.indexer.catalog.schema import quote
from vitrail.indexer.paths import original

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def own_columns(connection: DuckDBPyConnection, hashes: Sequence[str]) -> dict[str, Any]:
    """The user's own columns of contents, as Arrow columns in their order."""
    names = list(annotation_columns(connection))
    if not names:
        return {}
    listed = ", ".join(f"a.{quote(name)}" for name in names)
    found: Any = connection.sql(
        f"SELECT {listed} FROM (SELECT unnest(?::VARCHAR[]) AS content_hash,"
        " generate_subscripts(?::VARCHAR[], 1) AS n) h LEFT JOIN annotations a "
        "USING (content_hash) ORDER BY n",
        params=[list(hashes)] * 2,
    ).to_arrow_table()
    return {name: found[name] for name in names}


def read_versions(connection: DuckDBPyConnection, ids: Sequence[int]) -> dict[int, int | None]:
    """Image id -> the version of the readers that has read its metadata."""
    rows = connection.execute(
        "SELECT id, read_version FROM images WHERE id IN (SELECT unnest(?::BIGINT[]))", [list(ids)]
    ).fetchall()
    return dict(rows)


def exported_files(
    connection: DuckDBPyConnection, ids: Sequence[int]
) -> dict[int, list[dict[str, Any]]]:
    """Image id -> its files, present ones first, as a segment holds them."""
    rows = connection.execute(
        "SELECT image_id, path, path_raw, size, mtime_ns, label FROM files "
        "WHERE image_id IN (SELECT unnest(?::BIGINT[])) ORDER BY missing, path",
        [list(ids)],
    ).fetchall()
    files: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for image_id, text, data, size, mtime_ns, label in rows:
        path = os.fsencode(original(text, data))
        files[image_id].append({"path": path, "size": size, "mtime_ns": mtime_ns, "label": label})
    return files
