"""The columns that users filter by: one row a live image."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence, Set
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.schema import RECIPE_COLUMNS, quote
from indexer.errors import InputError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# A backslash is part of a name where it does not separate folders.
_SEPARATOR = "both_slash" if os.name == "nt" else "forward_slash"
IMAGE_COLUMNS = {
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
        "latitude",
        "longitude",
        "rating",
        "keywords",
        "generated",
        "recipe",
        *RECIPE_COLUMNS,
    )
} | {"keywords": "coalesce(i.keywords, []::VARCHAR[])"}
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
BUILT_IN = (*IMAGE_COLUMNS, *_FILES, *_PREDICTIONS)
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

    Joining the files of a million images to them takes nearly half a second, reading this table
    some ten milliseconds.
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
    if parsed["error"] and "Only SELECT" not in parsed.get("error_message", ""):
        raise InputError(
            f"the filter {where!r} cannot be read: {parsed.get('error_message', 'not SQL')}; "
            "write an SQL expression such as label = 'cat' and width > 512"
        )
    statements = parsed.get("statements", ())  # none where one of them is no SELECT
    node = statements[0]["node"] if len(statements) == 1 else {}
    if len(node.get("select_list", ())) != 1 or "SUBQUERY" in _kinds(node):
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
    columns, joins = dict(IMAGE_COLUMNS), []
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
    return InputError(
        f"the filter {where!r} cannot be evaluated: {line}; compare columns with values of their "
        "kind, such as label = 'cat' and width > 512"
    )
