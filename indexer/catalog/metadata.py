"""What is known of single images, read from the catalog's tables or from memory."""

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

    from vitrail.indexer.catalog.metadata_cache import MetadataCache

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


def cached_metadata(
    cache: MetadataCache, ids: Sequence[int], shown: Shown | None = None
) -> list[ImageInfo]:
    """As ``read_metadata``, from memory.

    Raises:
        UnknownImageError: an id that is in no image.
    """
    wanted = [int(i) for i in ids]
    if shown:
        return _looked_up(cache, wanted, shown)
    known = cache.described(wanted)
    others = [i for i in wanted if i not in known]
    if not others:
        return [known[i] for i in wanted]
    found = _looked_up(cache, others, {})
    cache.keep(found)
    known.update((one.id, one) for one in found)
    return [known[i] for i in wanted]


def _looked_up(cache: MetadataCache, wanted: Sequence[int], shown: Shown) -> list[ImageInfo]:
    tables = ("images", "files", "predictions")
    images, files, predictions = (cache.find(table, wanted) for table in tables)
    annotations = cache.find("annotations", wanted)
    nothing = [dict.fromkeys(cache.annotation_names)]
    complete = {i: annotations.get(i, nothing) for i in wanted}
    return describe_all(wanted, images, files, predictions, complete, shown)


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
        describe(
            images[i][0],
            _in_order(files.get(i, []), shown.get(i, frozenset())),
            predictions.get(i, []),
            annotations.get(i, [{}])[0],
        )
        for i in wanted
    ]


def _in_order(files: list[dict[str, Any]], shown: Set[FileKey]) -> list[dict[str, Any]]:
    def place(file: dict[str, Any]) -> tuple[bool, bool, str, bytes]:
        raw = None if file["path_raw"] is None else bytes(file["path_raw"])
        return (file["path"], raw) not in shown, bool(file["missing"]), file["path"], raw or b""

    return sorted(files, key=place) if len(files) > 1 else files


def describe(
    image: dict[str, Any],
    files: list[dict[str, Any]],
    predictions: list[dict[str, Any]],
    annotations: dict[str, Any],
) -> ImageInfo:
    """One image's rows as what users see; ``files`` in the order they are shown."""
    predictions = sorted(predictions, key=lambda p: int(p["rank"]))
    first: dict[str, Any] = files[0] if files else {}
    recipe = image["recipe"]
    columns = {name: image[name] for name in SHOWN} | {
        "keywords": tuple(image["keywords"] or ()),
        "recipe": None if recipe is None else json.loads(recipe),
    }
    return ImageInfo(
        **columns,
        path=first.get("path"),
        paths=tuple(original(f["path"], f["path_raw"]) for f in files),
        label=first.get("label"),
        missing=bool(first.get("missing")),
        added_at=first.get("first_seen"),
        predictions=tuple((p["label"], p["score"]) for p in predictions),
        own={name: value for name, value in annotations.items() if not is_reserved(name)},
    )


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
