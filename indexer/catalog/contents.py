"""What a collection knows of files and contents."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from indexer.catalog.changes import WAITING_IMAGES
from indexer.errors import InputError
from indexer.paths import display, original, raw
from indexer.records import KnownFile, RejectRecord

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_HASH_START = re.compile(r"[0-9a-f]{6,64}")
_LIVE = "FROM images i ANTI JOIN deletions d ON d.image_id = i.id"


def known_files(
    connection: DuckDBPyConnection, root: str | None, retried: Iterable[str]
) -> dict[str, KnownFile]:
    """Every path under a folder (or everywhere), as ``os.fsdecode`` gives it.

    Files that were rejected for one of the ``retried`` reasons count as changed.
    """
    inside, parameters = "true", []
    if root is not None:
        text = display(os.path.abspath(root))
        inside = "(path = ? OR starts_with(path, ?))"
        parameters = [text, text.rstrip(os.sep) + os.sep]
    # A time that no file can have makes one whose picture is lost, or a retried one, count as
    # changed.
    rows = connection.execute(
        "SELECT path, path_raw, size, if(i.id IS NULL AND reason IS DISTINCT FROM 'removed', -1, "
        "mtime_ns), f.content_hash, label, CASE WHEN reason IS NULL THEN 'live' "
        "WHEN reason = 'removed' THEN 'removed' ELSE 'waiting' END, missing "
        "FROM files f LEFT JOIN images i ON i.id = f.image_id "
        "LEFT JOIN (SELECT image_id, min(reason) AS reason FROM deletions GROUP BY image_id) d "
        f"ON d.image_id = f.image_id WHERE {inside} UNION ALL "
        "SELECT path, path_raw, size, if(list_contains(?::VARCHAR[], reason), -1, mtime_ns), NULL, "
        f"NULL, 'rejected', false FROM rejects WHERE {inside}",
        [*parameters, list(retried), *parameters],
    ).fetchall()
    return {original(path, data): KnownFile(*rest) for path, data, *rest in rows}


def content_hashes(connection: DuckDBPyConnection) -> frozenset[str]:
    """Content hashes of all live images."""
    return _hashes(connection, f"SELECT content_hash {_LIVE}")


def embedded_hashes(connection: DuckDBPyConnection) -> frozenset[str]:
    """Content hashes of all images that need not be embedded again: live and waiting ones."""
    return content_hashes(connection) | _hashes(connection, f"SELECT content_hash {WAITING_IMAGES}")


def stale_hashes(connection: DuckDBPyConnection, version: int) -> frozenset[str]:
    """Content hashes of live images whose metadata an older version of the readers has read."""
    sql = f"SELECT content_hash {_LIVE} WHERE read_version IS NULL OR read_version < {version:d}"
    return _hashes(connection, sql)


def unclassified_hashes(connection: DuckDBPyConnection) -> frozenset[str]:
    """Content hashes of live images that have no labels of the checkpoint's head."""
    predicted = "ANTI JOIN (SELECT DISTINCT image_id FROM predictions) p ON p.image_id = i.id"
    return _hashes(connection, f"SELECT content_hash {_LIVE} {predicted}")


def _hashes(connection: DuckDBPyConnection, sql: str) -> frozenset[str]:
    return frozenset(connection.execute(sql).fetchnumpy()["content_hash"].tolist())


def read_rejects(connection: DuckDBPyConnection) -> list[RejectRecord]:
    """Files that could not be indexed, by path."""
    rows = connection.execute(
        "SELECT path, path_raw, size, mtime_ns, reason, detail FROM rejects ORDER BY path"
    ).fetchall()
    return [RejectRecord(original(path, data), *rest) for path, data, *rest in rows]


def resolve(connection: DuckDBPyConnection, text: str) -> int:
    """The live image that an id, a path or the start of a content hash names.

    Raises:
        InputError: none does, or more than one.
    """
    for find in (_by_id, _by_path, _by_hash):
        found = find(connection, text)
        if len(found) > 1:
            raise InputError(f"{text!r} is the start of {len(found)} content hashes; give more")
        if found:
            return found[0]
    raise InputError(
        f"{text!r} is neither an image id, nor an indexed path, nor the start of a content hash "
        "(6 digits or more) in this collection"
    )


def _by_id(connection: DuckDBPyConnection, text: str) -> list[int]:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        return []
    rows = connection.execute(f"SELECT i.id {_LIVE} WHERE i.id = ?", [int(text)]).fetchall()
    return [row[0] for row in rows]


def _by_path(connection: DuckDBPyConnection, text: str) -> list[int]:
    path = os.path.abspath(text)
    rows = connection.execute(
        "SELECT f.image_id FROM files f ANTI JOIN deletions d ON d.image_id = f.image_id "
        "WHERE path = ? AND path_raw IS NOT DISTINCT FROM ?::BLOB",
        [display(path), raw(path)],
    ).fetchall()
    return [row[0] for row in rows]


def _by_hash(connection: DuckDBPyConnection, text: str) -> list[int]:
    if not _HASH_START.fullmatch(text.lower()):
        return []
    rows = connection.execute(
        f"SELECT i.id {_LIVE} WHERE starts_with(content_hash, ?)", [text.lower()]
    ).fetchall()
    return [row[0] for row in rows]
