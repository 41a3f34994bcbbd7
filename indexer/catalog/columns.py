"""The columns that users filter, sort and list by, and the tables they come from.

A row is one file of a live image, since path, name, folder, label and when it was added are a
file's. Where none of these is asked for, it is the image alone.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Set
from typing import TYPE_CHECKING, NamedTuple

from vitrail.indexer.catalog.schema import quote
from vitrail.indexer.catalog.spans import FOREVER, UNTIL, begun_at
from vitrail.indexer.image_columns import IMAGE_COLUMNS, RECIPE_COLUMNS, is_list

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# A backslash is part of a name where it does not separate folders.
_SEPARATOR = "both_slash" if os.name == "nt" else "forward_slash"
_IMAGE_SQL = {
    column.name: f"coalesce(i.{column.name}, []::{column.kind})"
    if is_list(column)
    else f"i.{column.name}"
    for column in IMAGE_COLUMNS
    if column.shown
} | {name: f"i.{name}" for name in RECIPE_COLUMNS}
SHOWN = tuple(_IMAGE_SQL)
"""Names of the columns of the image itself that users see."""
_PATH_PARTS = {
    "name": f"parse_filename(f.path, false, '{_SEPARATOR}')",
    "folder": f"parse_dirpath(f.path, '{_SEPARATOR}')",
}
FILE_COLUMNS = {
    "path": "f.path",
    **_PATH_PARTS,
    "label": "f.label",
    "missing": "coalesce(f.missing, false)",
    "added_at": "f.first_seen",
}
_COUNT = {"paths": "coalesce(n.paths, 0)"}
_PREDICTIONS = {
    "top_label": "p.top_label",
    "top_score": "p.top_score",
    "labels": "coalesce(p.labels, []::VARCHAR[])",
}
BUILT_IN = (*_IMAGE_SQL, *FILE_COLUMNS, *_COUNT, *_PREDICTIONS)
"""Names of the columns every collection has; annotations add their own."""
RESERVED = frozenset(
    (
        *BUILT_IN,
        *(column.name for column in IMAGE_COLUMNS),
        *("predictions", "files", "row", "rowid", "image_id", "path_raw"),
    )
)
"""Names, in lower case, that no column of the user's own can have; nor what starts with __."""

_FILES_JOIN = "LEFT JOIN (SELECT * FROM files{some}) f ON f.image_id = i.id"
_COUNT_JOIN = (
    "LEFT JOIN (SELECT image_id, count(*) AS paths FROM files{some} GROUP BY image_id) n "
    "ON n.image_id = i.id"
)
_PREDICTIONS_JOIN = """LEFT JOIN (
    SELECT image_id, min_by(label, rank) AS top_label, max(score) AS top_score,
           list(label ORDER BY rank) AS labels
    FROM predictions{some} GROUP BY image_id) p ON p.image_id = i.id"""
_OWN_JOIN = "LEFT JOIN (SELECT * FROM annotations{own}) a ON a.content_hash = i.content_hash"
_LIVE = "images i ANTI JOIN deletions d ON d.image_id = i.id"
RAW = "__path_raw"
"""A file's path as bytes, or NULL; there where a relation has the files' columns."""
FIRST = f"missing, path, {RAW} NULLS FIRST"
"""The order in which an image's files are shown."""
FLAT = "all_columns"
"""What a reader's commit shows the flat table as, once there is one."""
_UNFLATTENED = {"content_hash", "recipe"}  # long, and rarely filtered by


def annotation_columns(connection: DuckDBPyConnection) -> dict[str, str]:
    """The user's own columns and their SQL types, without those that no column may be called.

    Older versions took such names; the built-in columns of that name are meant now.
    """
    rows = connection.execute("PRAGMA table_info('annotations')").fetchall()
    return {row[1]: row[2] for row in rows if not is_reserved(row[1])}


def is_reserved(name: str) -> bool:
    """Whether a name is, in any case, a built-in column's or kept for Vitrail's own use."""
    return name.lower() in RESERVED or name.startswith("__")


def known_columns(connection: DuckDBPyConnection) -> list[str]:
    """All columns of a collection: the built-in ones, then the user's own."""
    return [*BUILT_IN, *annotation_columns(connection)]


def typed_columns(connection: DuckDBPyConnection, *, flat: bool) -> dict[str, str]:
    """All columns of a collection and the SQL types of their values, as ``known_columns``.

    Args:
        connection: to the tables.
        flat: whether ``flatten`` has been done to this database.
    """
    names = known_columns(connection)
    source = relation(connection, {name.lower() for name in names}, flat=flat)
    listed = ", ".join(map(quote, names))
    rows = connection.execute(f"DESCRIBE SELECT {listed} FROM {source}").fetchall()
    return {name: row[1] for name, row in zip(names, rows, strict=True)}


class Some(NamedTuple):
    """Just some images, as SQL after the column that tells them.

    Attributes:
        ids: after an image's id; empty is all images.
        hashes: after a content hash; likewise.
    """

    ids: str = ""
    hashes: str = ""


_ALL = Some()
_NAMED = 64  # images


def some_images(connection: DuckDBPyConnection, ids: Collection[int]) -> Some:
    """The images of some ids, at least one.

    A few are named one by one, so that DuckDB passes all others by; more of them are joined, from a
    temporary table of the connection's: many take DuckDB seconds to read in a statement.
    """
    low, high = min(ids), max(ids)
    if high - low + 1 == len(ids):
        among = f"BETWEEN {low} AND {high}"
    elif len(ids) > _NAMED:
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE some_images AS SELECT unnest(?::BIGINT[]) AS id",
            [sorted(ids)],
        )
        among = "IN (SELECT id FROM temp.some_images)"
    else:
        among = f"IN ({', '.join(map(str, sorted(ids)))})"
    found = f"SELECT content_hash FROM images WHERE id {among}"
    if len(ids) > _NAMED:
        return Some(among, f"IN ({found})")
    hashes = ", ".join(f"'{row[0]}'" for row in connection.execute(found).fetchall())
    return Some(among, f"IN ({hashes})" if hashes else "IS NULL")


def flatten(connection: DuckDBPyConnection, table: str, more: str) -> None:
    """Write nearly all columns into one table, for ``relation`` to read.

    Joining the files of a million images to them takes nearly half a second, reading this table
    some ten milliseconds.

    Args:
        connection: to the tables.
        table: name of the new table.
        more: further columns of it, in SQL.
    """
    connection.execute(f"CREATE OR REPLACE TABLE {table} AS {_flat_rows(connection, more)}")


def flatten_again(
    connection: DuckDBPyConnection, table: str, ids: Collection[int], seq: int
) -> None:
    """Write the rows of some images into a flat table, whose rows of before end.

    Args:
        connection: to the tables as they are now.
        table: made by ``flatten``, with the columns of spans.
        ids: of the images.
        seq: the commit that the rows end or begin with.
    """
    if ids:
        some = some_images(connection, ids)
        connection.execute(
            f"UPDATE {table} SET {UNTIL} = {seq} WHERE {UNTIL} = {FOREVER} AND id {some.ids}"
        )
        connection.execute(f"INSERT INTO {table} {_flat_rows(connection, begun_at(seq), some)}")


def _flat_rows(connection: DuckDBPyConnection, more: str, some: Some = _ALL) -> str:
    everything = {*FILE_COLUMNS, *_COUNT, *_PREDICTIONS}
    columns, source = _source(everything, annotation_columns(connection), some)
    kept = columns.keys() - _UNFLATTENED - _PATH_PARTS.keys()
    listed = ", ".join(f"{columns[name]} AS {quote(name)}" for name in columns if name in kept)
    where = f" WHERE i.id {some.ids}" if some.ids else ""
    return f"SELECT {listed}, {more} FROM {source}{where} ORDER BY id, {FIRST}"


def relation(connection: DuckDBPyConnection, mentioned: Set[str], *, flat: bool) -> str:
    """What to select from: the flat table, or a join of the tables that are needed.

    Args:
        connection: to the tables.
        mentioned: lower-case names of the columns that are asked for.
        flat: whether ``flatten`` has been done to this database.
    """
    if flat and not mentioned & _UNFLATTENED:
        parts = ", ".join(f"{sql} AS {name}" for name, sql in _PATH_PARTS.items())
        return f"(SELECT *, {parts} FROM {FLAT} f)"
    columns, source = _source(mentioned, annotation_columns(connection))
    listed = ", ".join(f"{sql} AS {quote(name)}" for name, sql in columns.items())
    return f"(SELECT {listed} FROM {source})"


def names_files(mentioned: Set[str]) -> bool:
    """Whether some columns are the files', so that an image may have several rows."""
    return bool(mentioned & FILE_COLUMNS.keys())


def _source(
    mentioned: Set[str], own: dict[str, str], some: Some = _ALL
) -> tuple[dict[str, str], str]:
    """The columns that some names can mean, and the live images joined to those.

    Args:
        mentioned: the names.
        own: the user's own columns.
        some: just these images.
    """
    columns, joins = dict(_IMAGE_SQL), []
    if names_files(mentioned):
        columns |= FILE_COLUMNS | {RAW: "f.path_raw"}
        joins.append(_FILES_JOIN)
    if mentioned & _COUNT.keys():
        columns |= _COUNT
        joins.append(_COUNT_JOIN)
    if mentioned & _PREDICTIONS.keys():
        columns |= _PREDICTIONS
        joins.append(_PREDICTIONS_JOIN)
    if own:
        columns |= {name: f"a.{quote(name)}" for name in own}
        joins.append(_OWN_JOIN)
    return columns, " ".join([_LIVE, *joins]).format(
        some=f" WHERE image_id {some.ids}" if some.ids else "",
        own=f" WHERE content_hash {some.hashes}" if some.hashes else "",
    )
