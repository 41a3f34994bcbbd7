"""Contents that could not be decoded for the labels of a head: tried once, not at every run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from vitrail.indexer.catalog.transaction import Transaction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_KEY = "unclassifiable"


def read_unclassifiable(connection: DuckDBPyConnection) -> dict[str, str]:
    """Content hash -> the reason that decoding was given up for."""
    rows = connection.execute("SELECT value FROM meta WHERE key = ?", [_KEY]).fetchall()
    return dict(json.loads(rows[0][0])) if rows else {}


def write_unclassifiable(transaction: Transaction, reasons: Mapping[str, str]) -> None:
    """Put these in place of those that are known; a lost catalog loses them, and all are tried."""
    transaction.run("DELETE FROM meta WHERE key = ?", [_KEY])
    transaction.run("INSERT INTO meta VALUES (?, ?)", [_KEY, json.dumps(dict(reasons))])
