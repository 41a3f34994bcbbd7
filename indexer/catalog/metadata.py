"""What is known of single images, read from the catalog's tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog.columns import SHOWN, annotation_columns, is_reserved
from vitrail.indexer.catalog.filtering import FileKey
from vitrail.indexer.errors import UnknownImageError
from vitrail.indexer.image_info import ImageInfo
from vitrail.indexer.paths import original

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_NOTHING: dict[str, Any] = dict.fromkeys(one.name for one in fields(ImageInfo)) | {
    "keywords": (),
    "paths": (),
    "missing": False,
    "predictions": (),
}
Shown = Mapping[int, Set[FileKey]]
"""Files that are shown before an image's others, by image id: those that fulfil a filter."""


def read_metadata(
    connection: DuckDBPyConnection, ids: Sequence[int], shown: Shown | None = None
) -> list[ImageInfo]:
    """Everything known of each image, in the order of ``ids``.

    Path, name, folder, label, when it was added and whether it is missing are those of the first
    file: of those that are ``shown``, or of all, those that are not missing first, by path.

    Raises:
        UnknownImageError: an id that is in no image.
    """
    wanted = [int(i) for i in ids]
    images = _by_key(connection, "images", "id", wanted)
    own = annotation_columns(connection)
    annotations: dict[int, list[dict[str, Any]]] = {}
    if own:
        hashes = [rows[0]["content_hash"] for rows in images.values()]
        by_hash = _by_key(connection, "annotations", "content_hash", hashes)
        nothing = [dict.fromkeys(own)]
        for image_id, rows in images.items():
            annotations[image_id] = by_hash.get(rows[0]["content_hash"], nothing)
    return describe_all(
        wanted,
        images,
        _by_key(connection, "files", "image_id", wanted),
        _by_key(connection, "predictions", "image_id", wanted),
        annotations,
        shown or {},
    )


def describe_all(
    wanted: Sequence[int],
    images: Mapping[int, list[dict[str, Any]]],
    files: Mapping[int, list[dict[str, Any]]],
    predictions: Mapping[int, list[dict[str, Any]]],
    annotations: Mapping[int, list[dict[str, Any]]],
    shown: Shown,
) -> list[ImageInfo]:
    """Rows of the tables by image id, as what users see.

    Raises:
        UnknownImageError: an id that is in no image.
    """
    unknown = [i for i in wanted if i not in images]
    if unknown:
        raise UnknownImageError(f"there is no image with id {unknown[0]} in this collection")
    return [
        ImageInfo(
            **fields_of(
                {name: images[i][0][name] for name in SHOWN},
                in_order(files.get(i, []), shown.get(i, frozenset())),
                predictions.get(i, []),
                annotations.get(i, [{}])[0],
            )
        )
        for i in wanted
    ]


def in_order(files: list[dict[str, Any]], shown: Set[FileKey]) -> list[dict[str, Any]]:
    """An image's files as they are shown: those of ``shown`` first, then those that are there."""

    def place(file: dict[str, Any]) -> tuple[bool, bool, str, bytes]:
        raw = None if file.get("path_raw") is None else bytes(file["path_raw"])
        return (file["path"], raw) not in shown, bool(file.get("missing")), file["path"], raw or b""

    return sorted(files, key=place) if len(files) > 1 else files


def fields_of(
    image: dict[str, Any],
    files: list[dict[str, Any]],
    predictions: list[dict[str, Any]],
    annotations: dict[str, Any],
) -> dict[str, Any]:
    """One image's rows as what users see, by the fields of ``ImageInfo``.

    What a row does not hold is nothing.

    Args:
        image: its row, of the columns ``SHOWN``.
        files: in the order they are shown.
        predictions: in any order.
        annotations: the user's own columns.
    """
    known = _NOTHING | image
    known["keywords"] = tuple(known["keywords"] or ())
    if known["recipe"] is not None:
        known["recipe"] = json.loads(known["recipe"])
    if files:
        first = files[0]
        known["path"] = first["path"]
        known["paths"] = tuple(original(one["path"], one.get("path_raw")) for one in files)
        known["label"] = first.get("label")
        known["missing"] = bool(first.get("missing"))
        known["added_at"] = first.get("first_seen")
    if predictions:
        ranked = sorted(predictions, key=lambda one: int(one["rank"]))
        known["predictions"] = tuple((one["label"], one["score"]) for one in ranked)
    known["own"] = {name: value for name, value in annotations.items() if not is_reserved(name)}
    return known


def _by_key(
    connection: DuckDBPyConnection, table: str, key: str, values: Sequence[Any]
) -> dict[Any, list[dict[str, Any]]]:
    # Finding the rows by one column first keeps DuckDB from reading whole row groups of the others.
    marks = ", ".join("?" * len(values)) or "NULL"
    cursor = connection.execute(
        f"SELECT * FROM {table} WHERE rowid IN "
        f"(SELECT rowid FROM {table} WHERE {key} IN ({marks}))",
        list(values),
    )
    names = [column[0] for column in cursor.description or ()]
    grouped: dict[Any, list[dict[str, Any]]] = {}
    for row in cursor.fetchall():
        record = dict(zip(names, row, strict=True))
        grouped.setdefault(record[key], []).append(record)
    return grouped
