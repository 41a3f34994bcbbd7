"""The catalog's tables and the numbered migrations that lead to them.

Tables carry no primary keys and no indexes: DuckDB's have corrupted databases on mutable tables.
Rows are appended; what is over is marked, or dropped in the transaction that replaces it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vitrail.indexer.image_columns import IMAGE_COLUMNS, RECIPE_COLUMNS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FORMAT = 6
JOURNALLED = 3  # the first format whose commits are in the journal
RESERVING = 4  # the first one that gives ids out ahead
DERIVING = 5  # the first one with spaces that are worked out from stored ones

TABLES: dict[str, dict[str, str]] = {
    "meta": {"key": "VARCHAR", "value": "VARCHAR"},
    "commits": {"seq": "BIGINT", "at": "TIMESTAMP", "kind": "VARCHAR"},
    "segments": {
        "name": "VARCHAR",
        "rows": "BIGINT",
        "bytes": "BIGINT",
        "checksum": "VARCHAR",
        "min_id": "BIGINT",
        "max_id": "BIGINT",
        "seq": "BIGINT",
    },
    "images": {column.name: column.kind for column in IMAGE_COLUMNS} | RECIPE_COLUMNS,
    "files": {
        "path": "VARCHAR",
        "path_raw": "BLOB",
        "size": "BIGINT",
        "mtime_ns": "BIGINT",
        "content_hash": "VARCHAR",
        "image_id": "BIGINT",
        "label": "VARCHAR",
        "missing": "BOOLEAN",
        "first_seen": "TIMESTAMP",
        "seq": "BIGINT",
    },
    "predictions": {"image_id": "BIGINT", "rank": "INTEGER", "label": "VARCHAR", "score": "DOUBLE"},
    "rejects": {
        "path": "VARCHAR",
        "path_raw": "BLOB",
        "size": "BIGINT",
        "mtime_ns": "BIGINT",
        "reason": "VARCHAR",
        "detail": "VARCHAR",
        "seq": "BIGINT",
    },
    "deletions": {"image_id": "BIGINT", "seq": "BIGINT", "at": "TIMESTAMP", "reason": "VARCHAR"},
    # Deletions of reason 'gone' are taken back when the content is: their rows go, and these come.
    "revivals": {"image_id": "BIGINT", "seq": "BIGINT", "at": "TIMESTAMP"},
    "roots": {
        "path": "VARCHAR",
        "path_raw": "BLOB",
        "options": "VARCHAR",
        "first_seen": "TIMESTAMP",
        "last_indexed": "TIMESTAMP",
        "seq": "BIGINT",
    },
    # Ids that were given out and belong to no image yet; the greatest is kept when it is over.
    "reservations": {
        "token": "VARCHAR",
        "first": "BIGINT",
        "last": "BIGINT",
        "until": "DOUBLE",  # seconds since 1970
        "open": "BOOLEAN",
        "seq": "BIGINT",
    },
    # Spaces whose vectors are worked out from a stored one's; the transform is a file of its own.
    "derived_spaces": {
        "name": "VARCHAR",
        "base": "VARCHAR",
        "digest": "VARCHAR",  # sha256 (hex) of that file, which is called by it
        "dim": "BIGINT",
        "fitted_rows": "BIGINT",
        "fitted_seq": "BIGINT",  # the commit whose images it was fitted on
        "seq": "BIGINT",
    },
    # What a search weighs where nothing is said; no rows: all stored spaces, equally.
    "default_weights": {"space": "VARCHAR", "weight": "DOUBLE", "seq": "BIGINT"},
    # What the user has said of contents; only ever added to: what is taken back, by a row.
    "decisions": {
        "token": "VARCHAR",  # what it is called, in every collection that has it
        "at": "TIMESTAMP",  # UTC
        "kind": "VARCHAR",
        "contents": "VARCHAR[]",  # content hashes
        "undoes": "VARCHAR",  # token of the decision that it takes back
        "seq": "BIGINT",
    },
    # By content, so that they outlive re-embedding; the user's own columns are added as they come.
    "annotations": {"content_hash": "VARCHAR"},
}


def quote(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def recipe_columns(recipe: dict[str, Any] | None) -> dict[str, Any]:
    """The searchable part of a recipe, by column; what it lacks, or nonsense, is ``None``."""
    recipe = recipe or {}
    seed = _number(int, recipe.get("seed"))
    steps = _number(int, recipe.get("steps"))
    return {
        "task": _text(recipe.get("task")),
        "prompt": _text(recipe.get("prompt")),
        "negative_prompt": _text(recipe.get("negative_prompt")),
        "model": _text(recipe.get("model") or recipe.get("checkpoint")),
        "seed": seed if seed is not None and 0 <= seed < 1 << 64 else None,
        "sampler": _text(recipe.get("sampler") or recipe.get("scheduler")),
        "steps": steps if steps is not None and abs(steps) < 1 << 31 else None,
        "guidance": _number(float, recipe.get("guidance")),
        "lora": _text(recipe.get("lora") or recipe.get("loras")),
        "tool": _text(recipe.get("tool")),
    }


def _number(kind: Callable[[Any], Any], value: Any) -> Any:
    try:
        return None if value is None or isinstance(value, bool) else kind(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _text(value: Any) -> str | None:
    """A text as it is; one of several (LoRAs) as their names, joined."""
    if value is None or value == "" or isinstance(value, str):
        return value or None
    if isinstance(value, dict):
        return _text(value.get("name") or value.get("path") or json.dumps(value))
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, map(_text, value))) or None
    return str(value)


def create_tables(connection: DuckDBPyConnection) -> None:
    """Make the current format's empty tables."""
    for table, columns in TABLES.items():
        listed = ", ".join(f"{quote(name)} {kind}" for name, kind in columns.items())
        connection.execute(f"CREATE TABLE {table} ({listed})")


def _extract_recipes(connection: DuckDBPyConnection) -> None:
    """1 -> 2: what made an image becomes columns of their own, filled from the stored recipes."""
    added = {
        "task": "VARCHAR",
        "prompt": "VARCHAR",
        "negative_prompt": "VARCHAR",
        "model": "VARCHAR",
        "seed": "UBIGINT",
        "sampler": "VARCHAR",
        "steps": "INTEGER",
        "guidance": "DOUBLE",
        "lora": "VARCHAR",
    }
    _add_columns(connection, added)
    _fill_from_recipes(connection, list(added))


def _remember_roots(connection: DuckDBPyConnection) -> None:
    """2 -> 3: folders with their options, images that come back, and more of what files tell."""
    _add_columns(
        connection,
        {
            "tool": "VARCHAR",
            "latitude": "DOUBLE",
            "longitude": "DOUBLE",
            "rating": "INTEGER",
            "keywords": "VARCHAR[]",
            "read_version": "INTEGER",
        },
    )
    _fill_from_recipes(connection, ["tool"])
    connection.execute('CREATE TABLE revivals (image_id BIGINT, seq BIGINT, "at" TIMESTAMP)')
    connection.execute(
        "CREATE TABLE roots (path VARCHAR, path_raw BLOB, options VARCHAR, "
        "first_seen TIMESTAMP, last_indexed TIMESTAMP, seq BIGINT)"
    )
    drop_needless_bytes(connection)


def _reserve_ids(connection: DuckDBPyConnection) -> None:
    """3 -> 4: ranges of ids are given out ahead, so that segments may come in any order."""
    connection.execute(
        "CREATE TABLE reservations "
        '(token VARCHAR, "first" BIGINT, "last" BIGINT, until DOUBLE, open BOOLEAN, seq BIGINT)'
    )


def _derive_spaces(connection: DuckDBPyConnection) -> None:
    """4 -> 5: spaces are derived from stored ones, and a collection says which a search weighs."""
    connection.execute(
        "CREATE TABLE derived_spaces (name VARCHAR, base VARCHAR, digest VARCHAR, dim BIGINT, "
        "fitted_rows BIGINT, fitted_seq BIGINT, seq BIGINT)"
    )
    connection.execute("CREATE TABLE default_weights (space VARCHAR, weight DOUBLE, seq BIGINT)")


def _keep_decisions(connection: DuckDBPyConnection) -> None:
    """5 -> 6: what the user has said of images that may be duplicates is kept."""
    connection.execute(
        'CREATE TABLE decisions (token VARCHAR, "at" TIMESTAMP, kind VARCHAR, '
        "contents VARCHAR[], undoes VARCHAR, seq BIGINT)"
    )


def drop_needless_bytes(connection: DuckDBPyConnection) -> None:
    """Forget the own bytes of paths whose text says it all.

    Such are paths of UTF-8 that were indexed under a locale that lacks it.
    """
    for table in ("files", "rejects"):
        connection.execute(f"UPDATE {table} SET path_raw = NULL WHERE path_raw = encode(path)")


def _add_columns(connection: DuckDBPyConnection, added: dict[str, str]) -> None:
    for name, kind in added.items():
        connection.execute(f"ALTER TABLE images ADD COLUMN {name} {kind}")


def _fill_from_recipes(connection: DuckDBPyConnection, names: list[str]) -> None:
    rows = connection.execute("SELECT id, recipe FROM images WHERE recipe IS NOT NULL").fetchall()
    assignments = ", ".join(f"{name} = ?" for name in names)
    for image_id, recipe in rows:
        extracted = recipe_columns(json.loads(recipe))
        values = [extracted[name] for name in names]
        connection.execute(f"UPDATE images SET {assignments} WHERE id = ?", [*values, image_id])


MIGRATIONS: dict[int, Callable[[Any], None]] = {
    1: _extract_recipes,
    2: _remember_roots,
    3: _reserve_ids,
    4: _derive_spaces,
    5: _keep_decisions,
}


def migrate(connection: DuckDBPyConnection, version: int, *, lasting: bool = True) -> None:
    """Bring tables of an older format to the current one, in one transaction.

    Args:
        connection: to the catalog.
        version: the format that it has.
        lasting: whether it stays, and not a reader's copy, which has no log.
    """
    connection.execute("BEGIN")
    for number in range(version, FORMAT):
        MIGRATIONS[number](connection)
    connection.execute("UPDATE meta SET value = ? WHERE key = 'format'", [str(FORMAT)])
    connection.execute("COMMIT")
    if lasting:  # after DDL: replaying it from the log has failed in DuckDB
        connection.execute("CHECKPOINT")
