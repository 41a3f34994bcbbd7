"""What a batch does to the catalog's tables, inside one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from indexer.catalog.schema import IMAGE_COLUMNS, RECIPE_COLUMNS, recipe_columns
from indexer.catalog.transaction import Transaction
from indexer.errors import InputError
from indexer.paths import display, raw
from indexer.records import FileRecord, ImageRecord, RejectRecord
from indexer.store.segments import Segment

_LIVE = "FROM images i ANTI JOIN deletions d ON d.image_id = i.id"
_KEYS = "(SELECT unnest(?::VARCHAR[]) AS path, unnest(?::BLOB[]) AS path_raw) k"
_SAME = "t.path = k.path AND t.path_raw IS NOT DISTINCT FROM k.path_raw"


@dataclass(frozen=True, slots=True)
class KnownContent:
    """Content hashes that a batch names, as the catalog knows them.

    Attributes:
        live: hash -> id of the live image.
        dead: hash -> id of a deleted image whose vectors may still be in a segment.
        next_id: the first id never used.
    """

    live: dict[str, int]
    dead: dict[str, int]
    next_id: int


def look_up(transaction: Transaction, hashes: Iterable[str]) -> KnownContent:
    """Find which contents are known, and the next free id."""
    wanted = list(set(hashes))
    known = transaction.rows(
        "SELECT content_hash, id, id IN (SELECT image_id FROM deletions) FROM images "
        "WHERE content_hash IN (SELECT unnest(?::VARCHAR[])) ORDER BY id",
        [wanted],
    )
    (highest,) = transaction.rows(
        "SELECT greatest((SELECT coalesce(max(id), 0) FROM images), "
        "(SELECT coalesce(max(image_id), 0) FROM deletions))"
    )
    return KnownContent(
        live={content: image_id for content, image_id, deleted in known if not deleted},
        dead={content: image_id for content, image_id, deleted in known if deleted},
        next_id=int(highest[0]) + 1,
    )


def add_segment(transaction: Transaction, segment: Segment) -> None:
    """List a segment as live."""
    transaction.append(
        "segments",
        {
            "name": [segment.name],
            "rows": [segment.rows],
            "bytes": [segment.bytes],
            "checksum": [segment.checksum],
            "min_id": [segment.min_id],
            "max_id": [segment.max_id],
            "seq": [transaction.seq],
        },
    )


def add_images(transaction: Transaction, ids: Sequence[int], images: Sequence[ImageRecord]) -> None:
    """Append images, with what their recipes and heads say."""
    columns: dict[str, list[Any]] = {
        name: [getattr(image, name) for image in images]
        for name in IMAGE_COLUMNS
        if name not in ("id", "recipe", "keywords")
    }
    columns["id"] = list(ids)
    columns["keywords"] = [list(image.keywords) or None for image in images]
    columns["recipe"] = [None if i.recipe is None else json.dumps(i.recipe) for i in images]
    extracted = [recipe_columns(image.recipe) for image in images]
    for name in RECIPE_COLUMNS:
        columns[name] = [row[name] for row in extracted]
    transaction.append("images", columns)
    ranked = [
        (image_id, rank, label, score)
        for image_id, image in zip(ids, images, strict=True)
        for rank, (label, score) in enumerate(image.predictions, 1)
    ]
    names = ("image_id", "rank", "label", "score")
    transaction.append("predictions", {n: [r[i] for r in ranked] for i, n in enumerate(names)})


def put_files(
    transaction: Transaction, files: Sequence[FileRecord], ids: dict[str, int]
) -> set[int]:
    """Put files in place of what was known at their paths.

    Returns:
        ids of the images that may have lost their last file.
    """
    latest = {file.path: file for file in files}
    paths = list(latest)
    before = _drop(transaction, "files", paths)
    _drop(transaction, "rejects", paths)
    now = transaction.rows("SELECT now()::TIMESTAMP")[0][0]
    rows = list(latest.values())
    transaction.append(
        "files",
        {
            "path": [display(file.path) for file in rows],
            "path_raw": [raw(file.path) for file in rows],
            "size": [file.size for file in rows],
            "mtime_ns": [file.mtime_ns for file in rows],
            "content_hash": [file.content_hash for file in rows],
            "image_id": [ids[file.content_hash] for file in rows],
            "label": [file.label for file in rows],
            "missing": [False] * len(rows),
            "first_seen": [before.get(file.path, (0, now))[1] for file in rows],
            "seq": [transaction.seq] * len(rows),
        },
    )
    kept = {ids[file.content_hash] for file in rows}
    return {image_id for image_id, _ in before.values()} - kept


def put_rejects(transaction: Transaction, rejects: Sequence[RejectRecord]) -> set[int]:
    """Note rejected files; a file that was an image before is one no longer.

    Returns:
        ids of the images that may have lost their last file.
    """
    latest = {reject.path: reject for reject in rejects}
    paths, rows = list(latest), list(latest.values())
    before = _drop(transaction, "files", paths)
    _drop(transaction, "rejects", paths)
    transaction.append(
        "rejects",
        {
            "path": [display(reject.path) for reject in rows],
            "path_raw": [raw(reject.path) for reject in rows],
            "size": [reject.size for reject in rows],
            "mtime_ns": [reject.mtime_ns for reject in rows],
            "reason": [reject.reason for reject in rows],
            "detail": [display(reject.detail) for reject in rows],
            "seq": [transaction.seq] * len(rows),
        },
    )
    return {image_id for image_id, _ in before.values()}


def drop_files(transaction: Transaction, gone: Sequence[str], *, keep_missing: bool) -> set[int]:
    """Forget files that are gone from disk, or only mark them as missing.

    Returns:
        ids of the images that may have lost their last file.
    """
    _drop(transaction, "rejects", gone)
    if not keep_missing:
        return {image_id for image_id, _ in _drop(transaction, "files", gone).values()}
    if gone:
        transaction.run(
            f"UPDATE files t SET missing = true, seq = ? FROM {_KEYS} WHERE {_SAME}",
            [transaction.seq, *_keys(gone)],
        )
    return set()


def delete_orphans(transaction: Transaction, candidates: set[int], reason: str) -> list[int]:
    """Delete those of the live images that have no file left, and return their ids."""
    if not candidates:
        return []
    orphans = transaction.rows(
        f"SELECT i.id {_LIVE} ANTI JOIN files f ON f.image_id = i.id "
        "WHERE i.id IN (SELECT unnest(?::BIGINT[]))",
        [sorted(candidates)],
    )
    ids = [row[0] for row in orphans]
    delete_images(transaction, ids, reason)
    return ids


def live_ids(transaction: Transaction, ids: Sequence[int]) -> set[int]:
    """Those of the ids that live images have."""
    rows = transaction.rows(
        f"SELECT i.id {_LIVE} WHERE i.id IN (SELECT unnest(?::BIGINT[]))", [list(ids)]
    )
    return {row[0] for row in rows}


def delete_images(transaction: Transaction, ids: Sequence[int], reason: str) -> None:
    """Append deletions; the images' rows stay until their segment is merged."""
    if ids:
        transaction.run(
            "INSERT INTO deletions SELECT unnest(?::BIGINT[]), ?, now()::TIMESTAMP, ?",
            [list(ids), transaction.seq, reason],
        )


def remove_images(transaction: Transaction, ids: Sequence[int]) -> None:
    """Delete what a user named.

    Raises:
        InputError: an id that no live image has.
    """
    live = live_ids(transaction, ids)
    unknown = [i for i in ids if i not in live]
    if unknown:
        raise InputError(f"there is no image with id {unknown[0]} in this collection")
    delete_images(transaction, ids, "removed")


def _keys(paths: Sequence[str]) -> list[Any]:
    return [[display(path) for path in paths], [raw(path) for path in paths]]


def _drop(transaction: Transaction, table: str, paths: Sequence[str]) -> dict[str, tuple[int, Any]]:
    """Take rows out by path; for files, return path -> (image id, when first seen)."""
    if not paths:
        return {}
    keys = _keys(paths)
    found: dict[str, tuple[int, Any]] = {}
    if table == "files":
        known = dict(zip(zip(*keys, strict=True), paths, strict=True))
        for text, data, image_id, seen in transaction.rows(
            f"SELECT t.path, t.path_raw, image_id, first_seen FROM files t JOIN {_KEYS} ON {_SAME}",
            keys,
        ):
            found[known[text, None if data is None else bytes(data)]] = (image_id, seen)
    if found or table != "files":
        transaction.run(f"DELETE FROM {table} t USING {_KEYS} WHERE {_SAME}", keys)
    return found
