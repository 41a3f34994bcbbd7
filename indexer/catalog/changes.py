"""What a batch does to the catalog's tables, inside one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vitrail.indexer.catalog.schema import TABLES, recipe_columns
from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.image_columns import (
    IMAGE_COLUMNS,
    RECIPE_COLUMNS,
    ImageColumn,
    is_list,
    stored_values,
)
from vitrail.indexer.paths import display, raw
from vitrail.indexer.records import FileRecord, ImageRecord, RejectRecord
from vitrail.indexer.segments.segment_file import Segment

_LIVE = "FROM images i ANTI JOIN deletions d ON d.image_id = i.id"
WAITING = "('gone', 'excluded')"  # reasons of deletions that are taken back with the content
WAITING_IMAGES = (
    f"FROM images SEMI JOIN (SELECT image_id FROM deletions WHERE reason IN {WAITING}) "
    "ON image_id = id"
)
KEYS = "(SELECT unnest(?::VARCHAR[]) AS path, unnest(?::BLOB[]) AS path_raw) k"
SAME = "t.path = k.path AND t.path_raw IS NOT DISTINCT FROM k.path_raw"


@dataclass(frozen=True, slots=True)
class KnownContent:
    """Content hashes that a batch names, as the catalog knows them.

    Attributes:
        live: hash -> id of the live image.
        waiting: hash -> id of a hidden image that may come back; see ``departures``.
        removed: hash -> id that files of removed content hang on.
        next_id: the first id never used.
    """

    live: dict[str, int]
    waiting: dict[str, int]
    removed: dict[str, int]
    next_id: int


def look_up(transaction: Transaction, hashes: Iterable[str]) -> KnownContent:
    """Find which contents are known, and the next free id."""
    wanted = [list(set(hashes))]
    among = "IN (SELECT unnest(?::VARCHAR[]))"
    live = transaction.rows(f"SELECT content_hash, i.id {_LIVE} WHERE content_hash {among}", wanted)
    waiting = transaction.rows(
        f"SELECT content_hash, id {WAITING_IMAGES} WHERE content_hash {among} ORDER BY id", wanted
    )
    removed = transaction.rows(
        "SELECT content_hash, image_id FROM files SEMI JOIN "
        "(SELECT image_id FROM deletions WHERE reason = 'removed') USING (image_id) "
        f"WHERE content_hash {among} ORDER BY image_id",
        wanted,
    )
    return KnownContent(dict(live), dict(waiting), dict(removed), next_id(transaction))


def next_id(transaction: Transaction) -> int:
    """The first image id never used."""
    rows = transaction.rows(
        "SELECT greatest((SELECT coalesce(max(id), 0) FROM images), "
        "(SELECT coalesce(max(image_id), 0) FROM deletions))"
    )
    return int(rows[0][0]) + 1


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
    columns = {"id": list(ids)} | _values(images, IMAGE_COLUMNS)
    extracted = [recipe_columns(image.recipe) for image in images]
    for name in RECIPE_COLUMNS:
        columns[name] = [row[name] for row in extracted]
    transaction.append("images", columns)
    put_predictions(transaction, {i: r.predictions for i, r in zip(ids, images, strict=True)})


def put_predictions(
    transaction: Transaction, predictions: Mapping[int, Sequence[tuple[str, float]]]
) -> None:
    """Append what the head says of images that had no predictions: id -> best first."""
    ranked = [
        (image_id, rank, label, score)
        for image_id, rows in predictions.items()
        for rank, (label, score) in enumerate(rows, 1)
    ]
    names = ("image_id", "rank", "label", "score")
    transaction.append("predictions", {n: [r[i] for r in ranked] for i, n in enumerate(names)})


def read_again(transaction: Transaction, readings: Mapping[int, ImageRecord]) -> None:
    """Replace what files say about known images by a newer reading; a lost recipe is kept."""
    if not readings:
        return
    images = list(readings.values())
    read = [column for column in IMAGE_COLUMNS if column.read_again]
    _update_images(transaction, list(readings), _values(images, read))
    told = {i: image.recipe for i, image in readings.items() if image.recipe is not None}
    extracted = [recipe_columns(recipe) for recipe in told.values()]
    columns: dict[str, list[Any]] = {
        name: [row[name] for row in extracted] for name in RECIPE_COLUMNS
    }
    columns["recipe"] = [json.dumps(recipe) for recipe in told.values()]
    columns["generated"] = [True] * len(told)
    _update_images(transaction, list(told), columns)


def _values(images: Sequence[ImageRecord], columns: Sequence[ImageColumn]) -> dict[str, list[Any]]:
    """What the catalog stores; an empty list is NULL there, as where nothing was read yet."""
    values = stored_values(images, columns)
    for column in filter(is_list, columns):
        values[column.name] = [value or None for value in values[column.name]]
    return values


def _update_images(
    transaction: Transaction, ids: list[int], columns: Mapping[str, list[Any]]
) -> None:
    if ids:
        listed = ", ".join(f"unnest(?::{TABLES['images'][name]}[]) AS {name}" for name in columns)
        assigned = ", ".join(f"{name} = k.{name}" for name in columns)
        transaction.run(
            f"UPDATE images t SET {assigned} "
            f"FROM (SELECT unnest(?::BIGINT[]) AS id, {listed}) k WHERE t.id = k.id",
            [ids, *columns.values()],
        )


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


def put_labels(transaction: Transaction, labels: Mapping[str, str | None]) -> None:
    """Give files other labels: path -> label."""
    if labels:
        transaction.run(
            "UPDATE files t SET label = k.label, seq = ? FROM "
            "(SELECT unnest(?::VARCHAR[]) AS path, unnest(?::BLOB[]) AS path_raw, "
            f"unnest(?::VARCHAR[]) AS label) k WHERE {SAME}",
            [transaction.seq, *path_keys(list(labels)), list(labels.values())],
        )


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


def path_keys(paths: Sequence[str]) -> list[Any]:
    """Values for the two marks of ``KEYS``."""
    return [[display(path) for path in paths], [raw(path) for path in paths]]


def _drop(transaction: Transaction, table: str, paths: Sequence[str]) -> dict[str, tuple[int, Any]]:
    """Take rows out by path; for files, return path -> (image id, when first seen)."""
    if not paths:
        return {}
    keys = path_keys(paths)
    found: dict[str, tuple[int, Any]] = {}
    if table == "files":
        known = dict(zip(zip(*keys, strict=True), paths, strict=True))
        for text, data, image_id, seen in transaction.rows(
            f"SELECT t.path, t.path_raw, image_id, first_seen FROM files t JOIN {KEYS} ON {SAME}",
            keys,
        ):
            found[known[text, None if data is None else bytes(data)]] = (image_id, seen)
    if found or table != "files":
        transaction.run(f"DELETE FROM {table} t USING {KEYS} WHERE {SAME}", keys)
    return found
