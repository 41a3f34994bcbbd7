"""Which images are hidden, and which came back: what vector indexes follow beside new segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def deleted_between(connection: DuckDBPyConnection, after: int, upto: int) -> NDArray[np.int64]:
    """Ids deleted after one commit, up to another, and not back since: (n,) int64."""
    sql = "SELECT image_id FROM deletions WHERE seq > ? AND seq <= ?"
    return _ids(connection, sql, [after, upto])


def left_between(connection: DuckDBPyConnection, after: int, upto: int) -> int:
    """How many were deleted so that had been there: copies that were staged never were."""
    sql = (
        "SELECT count(DISTINCT image_id) FROM deletions "
        "WHERE seq > ? AND seq <= ? AND reason <> 'doubled'"
    )
    return int(connection.execute(sql, [after, upto]).fetchall()[0][0])


def revived_between(connection: DuckDBPyConnection, after: int, upto: int) -> NDArray[np.int64]:
    """Ids that came back after one commit, up to another: (n,) int64."""
    sql = "SELECT image_id FROM revivals WHERE seq > ? AND seq <= ?"
    return _ids(connection, sql, [after, upto])


def hidden_within(connection: DuckDBPyConnection, low: int, high: int) -> NDArray[np.int64]:
    """Ids from ``low`` to ``high`` that no search finds: (n,) int64 ascending."""
    sql = "SELECT DISTINCT image_id FROM deletions WHERE image_id BETWEEN ? AND ? ORDER BY image_id"
    return _ids(connection, sql, [low, high])


def visible_ids(connection: DuckDBPyConnection) -> NDArray[np.int64]:
    """(n,) int64 ids of the live images, ascending."""
    sql = (
        "SELECT i.id AS image_id FROM images i ANTI JOIN deletions d ON d.image_id = i.id "
        "ORDER BY i.id"
    )
    return _ids(connection, sql, [])


def _ids(connection: DuckDBPyConnection, sql: str, parameters: list[int]) -> NDArray[np.int64]:
    found = connection.execute(sql, parameters).fetchnumpy()["image_id"]
    return np.asarray(np.ma.getdata(found), np.int64)
