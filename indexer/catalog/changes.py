"""What a batch does to the catalog's tables, inside one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from vitrail.indexer.catalog.new_rows import image_rows, image_values, prediction_rows
from vitrail.indexer.catalog.schema import TABLES, recipe_columns
from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.image_columns import IMAGE_COLUMNS, RECIPE_COLUMNS
from vitrail.indexer.paths import display, raw
from vitrail.indexer.records import ImageRecord
from vitrail.indexer.segments.segment_file import Segment

LIVE = "FROM images i ANTI JOIN deletions d ON d.image_id = i.id"
WAITING = "('gone', 'excluded')"  # reasons of deletions that are taken back with the content
WAITING_IMAGES = (
    f"FROM images SEMI JOIN (SELECT image_id FROM deletions WHERE reason IN {WAITING}) "
    "ON image_id = id"
)
KEYS = "(SELECT unnest(?::VARCHAR[]) AS path, unnest(?::BLOB[]) AS path_raw) k"
SAME = "t.path = k.path AND t.path_raw IS NOT DISTINCT FROM k.path_raw"


def next_id(transaction: Transaction) -> int:
    """The first image id that no image has had and nobody has reserved."""
    rows = transaction.rows(
        "SELECT greatest((SELECT coalesce(max(id), 0) FROM images), "
        "(SELECT coalesce(max(image_id), 0) FROM deletions), "
        '(SELECT coalesce(max("last"), 0) FROM reservations))'
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
    transaction.append("images", image_rows(ids, images))
    put_predictions(transaction, {i: r.predictions for i, r in zip(ids, images, strict=True)})


def put_predictions(
    transaction: Transaction, predictions: Mapping[int, Sequence[tuple[str, float]]]
) -> None:
    """Append what the head says of images that had no predictions: id -> best first."""
    transaction.append("predictions", prediction_rows(predictions))


def read_again(transaction: Transaction, readings: Mapping[int, ImageRecord]) -> None:
    """Replace what files say about known images by a newer reading; a lost recipe is kept."""
    if not readings:
        return
    images = list(readings.values())
    read = [column for column in IMAGE_COLUMNS if column.read_again]
    _update_images(transaction, list(readings), image_values(images, read))
    told = {i: image.recipe for i, image in readings.items() if image.recipe is not None}
    extracted = [recipe_columns(recipe) for recipe in told.values()]
    columns: dict[str, list[Any]] = {
        name: [row[name] for row in extracted] for name in RECIPE_COLUMNS
    }
    columns["recipe"] = [json.dumps(recipe) for recipe in told.values()]
    columns["generated"] = [True] * len(told)
    _update_images(transaction, list(told), columns)


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
        f"SELECT i.id {LIVE} ANTI JOIN files f ON f.image_id = i.id "
        "WHERE i.id IN (SELECT unnest(?::BIGINT[]))",
        [sorted(candidates)],
    )
    ids = [row[0] for row in orphans]
    delete_images(transaction, ids, reason)
    return ids


def live_ids(transaction: Transaction, ids: Sequence[int]) -> set[int]:
    """Those of the ids that live images have."""
    rows = transaction.rows(
        f"SELECT i.id {LIVE} WHERE i.id IN (SELECT unnest(?::BIGINT[]))", [list(ids)]
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
