"""Rows of new images, files and predictions, by column, as the tables take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from vitrail.indexer.catalog.schema import recipe_columns
from vitrail.indexer.image_columns import (
    IMAGE_COLUMNS,
    RECIPE_COLUMNS,
    ImageColumn,
    is_list,
    stored_values,
)
from vitrail.indexer.paths import display, raw
from vitrail.indexer.records import FileRecord, ImageRecord


def image_rows(ids: Sequence[int], images: Sequence[ImageRecord]) -> dict[str, list[Any]]:
    """Rows of images, with what their recipes say."""
    columns = {"id": list(ids)} | image_values(images, IMAGE_COLUMNS)
    extracted = [recipe_columns(image.recipe) for image in images]
    for name in RECIPE_COLUMNS:
        columns[name] = [row[name] for row in extracted]
    return columns


def image_values(
    images: Sequence[ImageRecord], columns: Sequence[ImageColumn]
) -> dict[str, list[Any]]:
    """What some columns hold; an empty list is NULL there, as where nothing was read yet."""
    values = stored_values(images, columns)
    for column in filter(is_list, columns):
        values[column.name] = [value or None for value in values[column.name]]
    return values


def prediction_rows(
    predictions: Mapping[int, Sequence[tuple[str, float]]],
) -> dict[str, list[Any]]:
    """Rows of what the head says of images: id -> best first."""
    ranked = [
        (image_id, rank, label, score)
        for image_id, rows in predictions.items()
        for rank, (label, score) in enumerate(rows, 1)
    ]
    names = ("image_id", "rank", "label", "score")
    return {name: [row[place] for row in ranked] for place, name in enumerate(names)}


def file_rows(
    files: Sequence[FileRecord],
    ids: Mapping[str, int],
    first_seen: Sequence[datetime],
    seq: int,
) -> dict[str, list[Any]]:
    """Rows of files, each path once.

    Args:
        files: they.
        ids: content hash -> id of the image.
        first_seen: of each.
        seq: the commit that puts them.
    """
    return {
        "path": [display(file.path) for file in files],
        "path_raw": [raw(file.path) for file in files],
        "size": [file.size for file in files],
        "mtime_ns": [file.mtime_ns for file in files],
        "content_hash": [file.content_hash for file in files],
        "image_id": [ids[file.content_hash] for file in files],
        "label": [file.label for file in files],
        "missing": [False] * len(files),
        "first_seen": list(first_seen),
        "seq": [seq] * len(files),
    }
