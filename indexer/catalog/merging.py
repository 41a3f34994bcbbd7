"""Segments written anew in place of others, and what they need not hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.catalog.changes import WAITING, add_segment
from vitrail.indexer.catalog.replaced import keep_replaced
from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.segments.segment_file import Segment

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_DEAD = f"FROM deletions WHERE image_id BETWEEN ? AND ? AND reason NOT IN {WAITING}"


def dead_within(connection: DuckDBPyConnection, low: int, high: int) -> NDArray[np.int64]:
    """Ids from ``low`` to ``high`` that are deleted and do not wait to come back: (n,) int64."""
    rows = connection.execute(
        f"SELECT DISTINCT image_id {_DEAD} ORDER BY image_id", [low, high]
    ).fetchnumpy()["image_id"]
    return np.asarray(np.ma.getdata(rows), np.int64)


def kept_within(connection: DuckDBPyConnection, low: int, high: int) -> NDArray[np.int64]:
    """Ids from ``low`` to ``high`` of images that are live, or wait: (n,) int64."""
    rows = connection.execute(
        f"SELECT id FROM images ANTI JOIN (SELECT image_id {_DEAD}) ON image_id = id "
        "WHERE id BETWEEN ? AND ? ORDER BY id",
        [low, high, low, high],
    ).fetchnumpy()["id"]
    return np.asarray(np.ma.getdata(rows), np.int64)


def replace_segments(
    transaction: Transaction, old: Sequence[str], new: Segment | None, dropped: Collection[int]
) -> None:
    """List a segment in place of others, whose files stay for a while.

    Args:
        transaction: the writer's.
        old: names of the others.
        new: holds all that they held; ``None`` where that is nothing.
        dropped: ids that it does not hold, of images that are deleted.
    """
    if new is not None:
        add_segment(transaction, new)
    transaction.run("DELETE FROM segments WHERE name IN (SELECT unnest(?::VARCHAR[]))", [list(old)])
    if dropped:
        for table, key in (("images", "id"), ("predictions", "image_id")):
            transaction.run(
                f"DELETE FROM {table} WHERE {key} IN (SELECT unnest(?::BIGINT[]))", [list(dropped)]
            )
    keep_replaced(transaction, old)
