"""What is known of single images, read from the catalog's tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog.columns import SHOWN, annotation_columns, is_reserved
from vitrail.indexer.catalog.filtering import FileKey
from vitrail.indexer.errors import UnknownImageError
from vitrail.indexer.image_info import NO_COLUMNS, NOTHING, ImageInfo
from vitrail.indexer.paths import original

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_FIRST = {"path": "path", "label": "label", "missing": "missing", "added_at": "first_seen"}
FIRST = tuple(_FIRST.values())
"""Columns of the files table, of which an image shows its first file's."""
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
    each = [in_order(files.get(i, []), shown.get(i, frozenset())) for i in wanted]
    ranked = [predictions.get(i, []) for i in wanted]
    own = [annotations.get(i, [{}])[0] for i in wanted]
    columns = {name: [images[i][0][name] for i in wanted] for name in SHOWN}
    known = columns_of_fields(columns, *of_files(each), in_ranks(ranked), own_columns(own))
    rows = zip(*known.values(), strict=True)
    return [ImageInfo(**NOTHING | dict(zip(known, row, strict=True))) for row in rows]


def in_order(files: list[dict[str, Any]], shown: Set[FileKey]) -> list[dict[str, Any]]:
    """An image's files as they are shown: those of ``shown`` first, then those that are there."""

    def place(file: dict[str, Any]) -> tuple[bool, bool, str, bytes]:
        raw = None if file.get("path_raw") is None else bytes(file["path_raw"])
        return (file["path"], raw) not in shown, bool(file.get("missing")), file["path"], raw or b""

    return sorted(files, key=place) if len(files) > 1 else files


def of_files(
    each: Sequence[list[dict[str, Any]]],
) -> tuple[dict[str, list[Any]], list[tuple[str, ...]]]:
    """Of n images the columns ``FIRST`` of the first file of each, and the paths of all.

    Args:
        each: the files of each, in the order they are shown.
    """
    firsts = [files[0] if files else {} for files in each]
    paths = [tuple(original(one["path"], one.get("path_raw")) for one in files) for files in each]
    return {name: [one.get(name) for one in firsts] for name in FIRST}, paths


def in_ranks(each: Iterable[list[dict[str, Any]]]) -> list[tuple[tuple[str, float], ...]]:
    """The predictions of each of n images, best first, from their rows in any order."""
    ranked = (sorted(rows, key=lambda one: int(one["rank"])) for rows in each)
    return [tuple((one["label"], one["score"]) for one in rows) for rows in ranked]


def own_columns(each: Iterable[dict[str, Any]]) -> list[Mapping[str, Any]]:
    """The user's own columns of each of n images, from their rows of annotations."""
    kept = ({name: row[name] for name in row if not is_reserved(name)} for row in each)
    return [one or NO_COLUMNS for one in kept]


def columns_of_fields(
    images: Mapping[str, list[Any]],
    firsts: Mapping[str, list[Any]],
    paths: Sequence[tuple[str, ...]],
    predictions: list[tuple[tuple[str, float], ...]] | None,
    own: list[Mapping[str, Any]] | None,
) -> dict[str, Sequence[Any]]:
    """Of n images what users see of them: fields of ``ImageInfo``, n values each.

    What is not given is left out, as nothing is known of it.

    Args:
        images: of their rows, by the names ``SHOWN``.
        firsts: of the first file of each, by the names ``FIRST``.
        paths: of all files of each.
        predictions: (label, probability) of each, best first.
        own: the user's own columns.
    """
    known: dict[str, Sequence[Any]] = dict(images)
    if "keywords" in known:
        known["keywords"] = [tuple(one or ()) for one in known["keywords"]]
    if "recipe" in known:
        known["recipe"] = [None if one is None else json.loads(one) for one in known["recipe"]]
    for name, column in _FIRST.items():
        if column in firsts:
            known[name] = firsts[column]
    if "missing" in known:
        known["missing"] = [*map(bool, known["missing"])]
    known["paths"] = paths
    if predictions is not None:
        known["predictions"] = predictions
    if own is not None:
        known["own"] = own
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
