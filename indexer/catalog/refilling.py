"""A catalog made anew: what the copies told, and then what the segments hold beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vitrail.indexer.catalog.changes import delete_images
from vitrail.indexer.catalog.transaction import Transaction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LIVE = "FROM images i ANTI JOIN deletions d ON d.image_id = i.id"
_IDS = "(SELECT unnest(?::BIGINT[]))"


def note_lost_commits(connection: DuckDBPyConnection, last: int) -> None:
    """Let commits be counted on from ``last``."""
    connection.execute(
        "INSERT INTO commits SELECT ?, now()::TIMESTAMP, 'lost' "
        "WHERE ? > (SELECT coalesce(max(seq), 0) FROM commits)",
        [last, last],
    )


def listed_segments(transaction: Transaction) -> dict[str, str]:
    """Name -> checksum of the segments that the copies tell of."""
    return dict(transaction.rows("SELECT name, checksum FROM segments"))


def told_ids(transaction: Transaction) -> frozenset[int]:
    """Ids of which the copies tell more than the segments that hold them."""
    rows = transaction.rows(
        "SELECT id FROM images UNION SELECT image_id FROM files "
        "UNION SELECT image_id FROM deletions"
    )
    return frozenset(row[0] for row in rows)


def keep_only(transaction: Transaction, names: Sequence[str], held: Sequence[int]) -> None:
    """Unlist all segments but some, and forget the images that those do not hold."""
    transaction.run(
        "DELETE FROM segments WHERE name NOT IN (SELECT unnest(?::VARCHAR[]))", [list(names)]
    )
    for table, key in (("images", "id"), ("predictions", "image_id")):
        transaction.run(f"DELETE FROM {table} WHERE {key} NOT IN {_IDS}", [list(held)])


def keep_one_of_each(transaction: Transaction) -> None:
    """Of live images with the same content (one was deleted after the copies) keep the newest."""
    doubled = transaction.rows(
        f"SELECT content_hash, max(i.id) {_LIVE} GROUP BY content_hash HAVING count(*) > 1"
    )
    for content, newest in doubled:
        older = transaction.rows(
            f"SELECT i.id {_LIVE} WHERE content_hash = ? AND i.id < ?", [content, newest]
        )
        ids = [row[0] for row in older]
        delete_images(transaction, ids, "doubled")
        transaction.run(
            f"UPDATE files SET image_id = ? WHERE content_hash = ? AND image_id IN {_IDS}",
            [newest, content, ids],
        )


def count_live(transaction: Transaction) -> int:
    """How many images a search can find."""
    return int(transaction.rows(f"SELECT count(*) {_LIVE}")[0][0])
