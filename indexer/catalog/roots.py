"""The folders that a collection has been told to index, with the options they were given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.paths import display, original, raw

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOUNTS = "mounts"
"""Key, beside the options, of the folders below a root that were disks of their own."""

_WHOLE = ""  # the row whose options are the collection's own
_SAME = "path = ? AND path_raw IS NOT DISTINCT FROM ?::BLOB"


@dataclass(frozen=True, slots=True)
class KnownRoot:
    """One folder.

    Attributes:
        path: absolute, as ``os.fsdecode`` gives it.
        options: what was said when it was indexed, as plain JSON types.
        first_seen: when it was first indexed, local time.
        last_indexed: when a run last came to its end there; ``None`` before the first did.
    """

    path: str
    options: dict[str, Any]
    first_seen: datetime
    last_indexed: datetime | None


def read_roots(connection: DuckDBPyConnection) -> list[KnownRoot]:
    """The known folders, by path."""
    rows = connection.execute(
        "SELECT path, path_raw, options, first_seen, last_indexed FROM roots "
        "WHERE path <> ? ORDER BY path",
        [_WHOLE],
    ).fetchall()
    return [
        KnownRoot(original(path, data), json.loads(options), first, last)
        for path, data, options, first, last in rows
    ]


def read_settings(connection: DuckDBPyConnection) -> dict[str, Any]:
    """What is set for the whole collection, as plain JSON types."""
    rows = connection.execute("SELECT options FROM roots WHERE path = ?", [_WHOLE]).fetchall()
    settings: dict[str, Any] = json.loads(rows[0][0]) if rows else {}
    return settings


def put_settings(transaction: Transaction, settings: Mapping[str, Any]) -> None:
    """Set what holds for the whole collection."""
    put_root(transaction, _WHOLE, settings, indexed=False)


def put_root(
    transaction: Transaction, path: str, options: Mapping[str, Any], *, indexed: bool
) -> None:
    """Remember a folder with its options.

    Args:
        transaction: the writer's.
        path: absolute, as ``os.fsdecode`` gives it.
        options: plain JSON types; they take the place of those remembered.
        indexed: whether a run has just come to its end there.
    """
    key = [display(path), raw(path)]
    before = transaction.rows(f"SELECT first_seen, last_indexed FROM roots WHERE {_SAME}", key)
    transaction.run(f"DELETE FROM roots WHERE {_SAME}", key)
    now = transaction.rows("SELECT now()::TIMESTAMP")[0][0]
    first, last = before[0] if before else (now, None)
    transaction.append(
        "roots",
        {
            "path": [key[0]],
            "path_raw": [key[1]],
            "options": [json.dumps(dict(options))],
            "first_seen": [first],
            "last_indexed": [now if indexed else last],
            "seq": [transaction.seq],
        },
    )


def forget_root(transaction: Transaction, path: str) -> None:
    """Forget a folder; what is indexed of it stays."""
    transaction.run(f"DELETE FROM roots WHERE {_SAME}", [display(path), raw(path)])
