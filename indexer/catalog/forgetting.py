"""Images whose segments are lost: which they are, and out of all tables with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.catalog.changes import WAITING, WAITING_IMAGES, delete_images
from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.paths import original

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_IDS = "(SELECT unnest(?::BIGINT[]))"
_NAMES = "(SELECT unnest(?::VARCHAR[]))"


def ids_around(
    connection: DuckDBPyConnection, names: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ids between the first and the last of some segments, which others may hold as well.

    Returns:
        (n,) int64 ids of all images, and (m,) int64 ids of those among them that wait.
    """
    inside = f"JOIN segments s ON {{}} BETWEEN s.min_id AND s.max_id WHERE s.name IN {_NAMES}"
    rows = connection.execute(
        f"SELECT DISTINCT i.id FROM images i {inside.format('i.id')}", [list(names)]
    ).fetchnumpy()["id"]
    waiting = connection.execute(
        f"SELECT DISTINCT id {WAITING_IMAGES} {inside.format('id')}", [list(names)]
    ).fetchnumpy()["id"]
    everything, hidden = (np.asarray(np.ma.getdata(r), np.int64) for r in (rows, waiting))
    return everything, hidden


def forget_segments(
    transaction: Transaction,
    names: Sequence[str],
    *,
    live: Sequence[int],
    waiting: Sequence[int],
    behind: Sequence[int],
) -> None:
    """Give segments up, with all that nothing stands behind any more.

    Args:
        transaction: the writer's.
        names: of the segments.
        live: ids of live images to forget.
        waiting: ids of waiting ones, which nothing brings back.
        behind: ids of all images that only these segments held, removed ones included.
    """
    delete_images(transaction, live, "damaged segment")
    transaction.run(f"DELETE FROM files WHERE image_id IN {_IDS}", [[*live, *waiting]])
    transaction.run(
        f"UPDATE deletions SET reason = 'expired' WHERE image_id IN {_IDS}", [list(waiting)]
    )
    for table, key in (("predictions", "image_id"), ("images", "id")):
        transaction.run(f"DELETE FROM {table} WHERE {key} IN {_IDS}", [list(behind)])
    transaction.run(f"DELETE FROM segments WHERE name IN {_NAMES}", [list(names)])


def end_waiting(transaction: Transaction, held: Sequence[int], names: Sequence[str]) -> list[str]:
    """Give up what waits in listed segments that are not among those taken in.

    What waited when all was embedded anew is in no segment either, but lost nothing since.

    Args:
        transaction: the writer's.
        held: ids that the segments hold which were taken in.
        names: of these.

    Returns:
        the paths of the images that are given up.
    """
    rows = transaction.rows(
        "SELECT DISTINCT image_id FROM deletions JOIN segments s "
        f"ON image_id BETWEEN s.min_id AND s.max_id WHERE reason IN {WAITING} "
        f"AND s.name NOT IN {_NAMES}",
        [list(names)],
    )
    ids = np.setdiff1d(np.array([row[0] for row in rows], np.int64), held).tolist()
    paths = paths_of(transaction.connection, ids)
    transaction.run(f"DELETE FROM files WHERE image_id IN {_IDS}", [ids])
    transaction.run(f"UPDATE deletions SET reason = 'expired' WHERE image_id IN {_IDS}", [ids])
    return paths


def paths_of(connection: DuckDBPyConnection, ids: Sequence[int]) -> list[str]:
    """The paths of images' files, as ``os.fsdecode`` gives them, in order."""
    rows = connection.execute(
        f"SELECT path, path_raw FROM files WHERE image_id IN {_IDS} ORDER BY path", [list(ids)]
    ).fetchall()
    return [original(text, data) for text, data in rows]


def annotated_paths(
    connection: DuckDBPyConnection, ids: Sequence[int]
) -> list[tuple[int, str, bool]]:
    """Image id and path of images' files, by path, and whether the user has annotated them."""
    rows = connection.execute(
        "SELECT f.image_id, f.path, f.path_raw, "
        "f.content_hash IN (SELECT content_hash FROM annotations) FROM files f "
        f"WHERE f.image_id IN {_IDS} ORDER BY f.path",
        [list(ids)],
    ).fetchall()
    return [(image_id, original(text, data), known) for image_id, text, data, known in rows]


def forget_lost_files(transaction: Transaction) -> list[tuple[str, bool]]:
    """Forget files whose image is neither known nor deleted: the next run embeds them again.

    Returns:
        their paths, and whether the user has annotated them.
    """
    lost = "FROM files WHERE image_id NOT IN (SELECT id FROM images) "
    lost += "AND image_id NOT IN (SELECT image_id FROM deletions)"
    known = "content_hash IN (SELECT content_hash FROM annotations)"
    rows = transaction.rows(f"SELECT path, path_raw, {known} {lost} ORDER BY path")
    transaction.run(f"DELETE {lost}")
    return [(original(text, data), annotated) for text, data, annotated in rows]
