"""What is known of single images, read from the catalog's tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog.columns import SHOWN, annotation_columns, is_reserved
from vitrail.indexer.catalog.filtering import FileKey
from vitrail.indexer.errors import UnknownImageError
from vitrail.indexer.image_info import ImageInfo
from vitrail.indexer.paths import original

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

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
                images[i][0],
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
        raw = None if file["path_raw"] is None else bytes(file["path_raw"])
        return (file["path"], raw) not in shown, bool(file["missing"]), file["path"], raw or b""

    return sorted(files, key=place) if len(files) > 1 else files


def fields_of(
    image: dict[str, Any],
    files: list[dict[str, Any]],
    predictions: list[dict[str, Any]],
    annotations: dict[str, Any],
) -> dict[str, Any]:
    """One image's rows as what users see, by the fields of ``ImageInfo``.

    Args:
        image: its row.
        files: in the order they are shown.
        predictions: in any order.
        annotations: the user's own columns.
    """
    predictions = sorted(predictions, key=lambda p: int(p["rank"]))
    first: dict[str, Any] = files[0] if files else {}
    recipe = image["recipe"]
    return {name: image[name] for name in SHOWN} | {
        "keywords": tuple(image["keywords"] or ()),
        "recipe": None if recipe is None else json.loads(recipe),
        "path": first.get("path"),
        "paths": tuple(original(f["path"], f["path_raw"]) for f in files),
        "label": first.get("label"),
        "missing": bool(first.get("missing")),
        "added_at": first.get("first_seen"),
        "predictions": tuple((p["label"], p["score"]) for p in predictions),
        "own": {name: value for name, value in annotations.items() if not is_reserved(name)},
    }


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
