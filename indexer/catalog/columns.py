"""The columns that users filter by and see: one row a live image."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.schema import RECIPE_COLUMNS, quote
from indexer.errors import InputError
from indexer.paths import original

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from indexer.collection.hot import HotRows

# A backslash is part of a name where it does not separate folders.
_SEPARATOR = "both_slash" if os.name == "nt" else "forward_slash"
_IMAGE = {
    name: f"i.{name}"
    for name in (
        "id",
        "content_hash",
        "width",
        "height",
        "format",
        "bytes",
        "taken_at",
        "camera",
        "generated",
        "recipe",
        *RECIPE_COLUMNS,
    )
}
_FILES = {
    "path": "f.path",
    "name": f"parse_filename(f.path, false, '{_SEPARATOR}')",
    "folder": f"parse_dirpath(f.path, '{_SEPARATOR}')",
    "label": "f.label",
    "paths": "f.paths",
}
_PREDICTIONS = {
    "top_label": "p.top_label",
    "top_score": "p.top_score",
    "labels": "coalesce(p.labels, []::VARCHAR[])",
}
_KEYS = ("content_hash", "image_id")
BUILT_IN = (*_IMAGE, *_FILES, *_PREDICTIONS)
"""Names of the columns every collection has; annotations add their own."""

# Nearly every image has one file: grouping only the others costs a fifth (on 10^6 images).
_FILES_JOIN = """LEFT JOIN (
    WITH shared AS MATERIALIZED (
        SELECT image_id FROM files GROUP BY image_id HAVING count(*) > 1)
    SELECT image_id, path, label, 1 AS paths FROM files ANTI JOIN shared USING (image_id)
    UNION ALL
    SELECT image_id, min_by(path, missing::INT || path), min_by(label, missing::INT || path),
           count(*) FROM files SEMI JOIN shared USING (image_id) GROUP BY image_id
    ) f ON f.image_id = i.id"""
_PREDICTIONS_JOIN = """LEFT JOIN (
    SELECT image_id, min_by(label, rank) AS top_label, max(score) AS top_score,
           list(label ORDER BY rank) AS labels
    FROM predictions GROUP BY image_id) p ON p.image_id = i.id"""
_WORD = re.compile(r"\w+")
_FLAT = "memory.all_columns"  # a reader's copy may lie in a file that takes no more tables
_UNFLATTENED = {"content_hash", "recipe"}  # long, and rarely filtered by
_PARTS_OF_PATH = ("name", "folder")


def annotation_columns(connection: DuckDBPyConnection) -> dict[str, str]:
    """The user's own columns and their SQL types."""
    rows = connection.execute("PRAGMA table_info('annotations')").fetchall()
    return {row[1]: row[2] for row in rows if row[1] != "content_hash"}


def flatten(connection: DuckDBPyConnection) -> None:
    """Write nearly all columns into one table in memory, for ``allowed_ids`` to read.

    Joining the files of a million images to them takes half a second, reading this table some
    milliseconds.
    """
    own = annotation_columns(connection)
    columns, source = _source({*_FILES, *_PREDICTIONS}, own)
    kept = columns.keys() - _UNFLATTENED - set(_PARTS_OF_PATH)
    listed = ", ".join(f"{columns[name]} AS {quote(name)}" for name in columns if name in kept)
    connection.execute(f"CREATE TABLE {_FLAT} AS SELECT {listed} FROM {source} ORDER BY id")


def allowed_ids(
    connection: DuckDBPyConnection,
    where: str,
    parameters: Sequence[Any] = (),
    *,
    flat: bool = False,
) -> NDArray[np.int64]:
    """Ids of live images for which an SQL expression is true, sorted, (n,) int64.

    Args:
        connection: sealed against files, network and settings.
        where: one expression over the columns; no subqueries.
        parameters: values of its ``?`` marks.
        flat: whether ``flatten`` has been done to this database.

    Raises:
        InputError: it is no such expression, or names an unknown column.
    """
    import duckdb

    own = annotation_columns(connection)
    _check_expression(connection, where)
    relation = _relation(where, own, flat=flat)
    sql = f"SELECT id FROM {relation} WHERE (\n{where}\n) ORDER BY id"
    try:
        found = connection.execute(sql, list(parameters)).fetchnumpy()["id"]
    except duckdb.Error as error:
        raise _explain(where, error, own) from error
    return np.ascontiguousarray(np.ma.getdata(found), np.int64)


def _check_expression(connection: DuckDBPyConnection, where: str) -> None:
    # Bare it must parse too, lest its brackets close ours; in brackets it can have no alias.
    # Line breaks keep a trailing comment from swallowing the bracket.
    bare, parsed = (
        json.loads(row[0])
        for row in connection.execute(
            "SELECT json_serialize_sql(unnest(?::VARCHAR[]))",
            [[f"SELECT\n{where}\n", f"SELECT (\n{where}\n)"]],
        ).fetchall()
    )
    parsed = bare if bare["error"] else parsed
    if parsed["error"]:
        raise InputError(
            f"the filter {where!r} cannot be read: {parsed.get('error_message', 'not SQL')}; "
            "write an SQL expression such as label = 'cat' and width > 512"
        )
    statements = parsed["statements"]
    node = statements[0]["node"]
    if len(statements) != 1 or len(node.get("select_list", ())) != 1 or "SUBQUERY" in _kinds(node):
        raise InputError(
            f"the filter {where!r} is more than one expression over the columns; "
            "write one, without semicolons or SELECT"
        )


def _kinds(node: Any) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(_kinds, node))
    if not isinstance(node, dict):
        return set()
    own = {node["class"]} if isinstance(node.get("class"), str) else set()
    return own.union(*map(_kinds, node.values()))


def _relation(where: str, own: dict[str, str], *, flat: bool) -> str:
    """What a filter selects from: the flat table, or a join of what its words can need."""
    words = {word.lower() for word in _WORD.findall(where)}
    if flat and not words & _UNFLATTENED:
        parts = ", ".join(f"{_FILES[name]} AS {name}" for name in _PARTS_OF_PATH)
        return f"(SELECT *, {parts} FROM {_FLAT} f)"
    columns, source = _source(words, own)
    listed = ", ".join(f"{sql} AS {quote(name)}" for name, sql in columns.items())
    return f"(SELECT {listed} FROM {source})"


def _source(words: Set[str], own: dict[str, str]) -> tuple[dict[str, str], str]:
    """The columns that some words can mean, and the live images joined to those."""
    columns, joins = dict(_IMAGE), []
    if words & set(_FILES):
        columns |= _FILES
        joins.append(_FILES_JOIN)
    if words & set(_PREDICTIONS):
        columns |= _PREDICTIONS
        joins.append(_PREDICTIONS_JOIN)
    if own:
        columns |= {name: f"a.{quote(name)}" for name in own}
        joins.append("LEFT JOIN annotations a ON a.content_hash = i.content_hash")
    live = "images i ANTI JOIN deletions d ON d.image_id = i.id"
    return columns, " ".join([live, *joins])


def _explain(where: str, error: Exception, own: dict[str, str]) -> InputError:
    line = str(error).splitlines()[0]
    unknown = re.search(r'column "([^"]+)" not found', line)
    if unknown:
        known = ", ".join(sorted({*BUILT_IN, *own}))
        return InputError(
            f"the filter names the column {unknown[1]!r}, which this collection lacks; "
            f"it has {known} (texts are written in 'single quotes')"
        )
    return InputError(f"the filter {where!r} cannot be evaluated: {line}")


def read_metadata(connection: DuckDBPyConnection, ids: Sequence[int]) -> list[dict[str, Any]]:
    """Everything known of each image, in the order of ``ids``.

    Raises:
        InputError: an id that is in no image.
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
    )


def hot_metadata(hot: HotRows, ids: Sequence[int]) -> list[dict[str, Any]]:
    """As ``read_metadata``, from memory.

    Raises:
        InputError: an id that is in no image.
    """
    wanted = [int(i) for i in ids]
    tables = ("images", "files", "predictions")
    images, files, predictions = (hot.find(table, wanted) for table in tables)
    annotations = hot.find("annotations", wanted)
    nothing = [dict.fromkeys(hot.annotation_names)]
    complete = {i: annotations.get(i, nothing) for i in wanted}
    return describe_all(wanted, images, files, predictions, complete)


def describe_all(
    wanted: Sequence[int],
    images: Mapping[int, list[dict[str, Any]]],
    files: Mapping[int, list[dict[str, Any]]],
    predictions: Mapping[int, list[dict[str, Any]]],
    annotations: Mapping[int, list[dict[str, Any]]],
) -> list[dict[str, Any]]:
    """Rows of the tables by image id, as the plain dicts that users see.

    Raises:
        InputError: an id that is in no image.
    """
    unknown = [i for i in wanted if i not in images]
    if unknown:
        raise InputError(f"there is no image with id {unknown[0]} in this collection")
    return [
        describe(
            images[i][0], files.get(i, []), predictions.get(i, []), annotations.get(i, [{}])[0]
        )
        for i in wanted
    ]


def describe(
    image: dict[str, Any],
    files: list[dict[str, Any]],
    predictions: list[dict[str, Any]],
    annotations: dict[str, Any],
) -> dict[str, Any]:
    """One image's rows as the plain dict that users see."""
    files = sorted(files, key=lambda f: (bool(f["missing"]), f["path"]))
    predictions = sorted(predictions, key=lambda p: int(p["rank"]))
    paths = [original(f["path"], f["path_raw"]) for f in files]
    path = files[0]["path"] if files else None
    recipe = image["recipe"]
    return {
        **{name: image[name] for name in _IMAGE},
        "recipe": None if recipe is None else json.loads(recipe),
        "path": path,
        "paths": paths,
        "name": None if path is None else os.path.basename(path),
        "folder": None if path is None else os.path.dirname(path),
        "label": next((f["label"] for f in files if f["label"] is not None), None),
        "missing": bool(files) and all(f["missing"] for f in files),
        "top_label": predictions[0]["label"] if predictions else None,
        "top_score": predictions[0]["score"] if predictions else None,
        "labels": [p["label"] for p in predictions],
        "predictions": [(p["label"], p["score"]) for p in predictions],
        **{name: value for name, value in annotations.items() if name not in _KEYS},
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
