"""Which segments a merge has replaced lately: their files outlive their rows for a while."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.segments.leftovers import is_over

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_KEY = "replaced"


def read_replaced(connection: DuckDBPyConnection) -> dict[str, float]:
    """Segment name -> when a merge replaced it, in seconds since 1970."""
    rows = connection.execute("SELECT value FROM meta WHERE key = ?", [_KEY]).fetchall()
    return {str(name): float(when) for name, when in json.loads(rows[0][0]).items()} if rows else {}


def keep_replaced(transaction: Transaction, names: Iterable[str]) -> None:
    """Note segments as replaced now, if any, beside those that were not long ago."""
    names = list(names)
    if not names:
        return
    earlier = read_replaced(transaction.connection)
    kept = {name: when for name, when in earlier.items() if not is_over(when)}
    write_replaced(transaction, names, time.time(), kept)


def write_replaced(
    transaction: Transaction, names: Iterable[str], when: float, kept: Mapping[str, float]
) -> None:
    """Note segments as replaced now, beside those that are kept from before."""
    value = json.dumps({**kept, **dict.fromkeys(names, when)})
    transaction.run("DELETE FROM meta WHERE key = ?", [_KEY])
    transaction.run("INSERT INTO meta VALUES (?, ?)", [_KEY, value])
