"""Files that leave, images that wait for them to come back, and the end of waiting.

An image whose last file is gone or excluded is hidden by a deletion of that reason, and waits: its
row, its vectors and its files (marked missing) stay, so that the same content brings it back under
its old id. What has waited for longer than the collection's grace period is given up. What the user
removed never waits: its files stay known, and bring nothing until they change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from vitrail.indexer.catalog.changes import (
    KEYS,
    SAME,
    WAITING,
    WAITING_IMAGES,
    delete_images,
    live_ids,
    next_id,
    path_keys,
)
from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.errors import UnknownImageError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

GRACE_DAYS = 30.0
"""How long images wait where nothing else is set."""

_GONE_REMOVED = (  # files that left the disk after their images were removed
    "FROM files WHERE missing AND image_id IN "
    "(SELECT image_id FROM deletions WHERE reason = 'removed') "
    'AND seq <= (SELECT max(seq) FROM commits WHERE "at" <= ?)'
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Hidden images that come back with their files, and since when the first of them waits."""

    images: int
    since: datetime | None

    def until(self, grace_days: float) -> datetime | None:
        """When the first of them is given up: local time, or ``None`` where none waits."""
        return None if self.since is None else self.since + timedelta(days=grace_days)


def read_waiting(connection: DuckDBPyConnection) -> Waiting:
    """How many images wait."""
    rows = connection.execute(
        f'SELECT count(*), min("at") FROM deletions SEMI JOIN images ON id = image_id '
        f"WHERE reason IN {WAITING}"
    ).fetchall()
    return Waiting(int(rows[0][0]), rows[0][1])


def leave_files(
    transaction: Transaction, paths: Sequence[str], reason: Literal["gone", "excluded"]
) -> None:
    """Take files out; images that lose their last one are hidden, and wait.

    The files of those stay known as missing, those of others are forgotten.
    """
    if not paths:
        return
    keys = path_keys(paths)
    transaction.run(f"DELETE FROM rejects t USING {KEYS} WHERE {SAME}", keys)
    transaction.run(
        f"CREATE OR REPLACE TEMP TABLE leaving AS "
        f"SELECT t.rowid AS place, image_id FROM files t JOIN {KEYS} ON {SAME}",
        keys,
    )
    orphans = transaction.rows(
        "SELECT DISTINCT image_id FROM temp.leaving l JOIN images i ON i.id = l.image_id "
        "ANTI JOIN deletions d ON d.image_id = l.image_id "
        "ANTI JOIN (SELECT image_id FROM files "
        "WHERE rowid NOT IN (SELECT place FROM temp.leaving)) f ON f.image_id = l.image_id"
    )
    delete_images(transaction, sorted(row[0] for row in orphans), reason)
    hidden = "image_id IN (SELECT image_id FROM deletions)"
    leaving = "rowid IN (SELECT place FROM temp.leaving)"
    transaction.run(f"DELETE FROM files WHERE {leaving} AND NOT {hidden}")
    transaction.run(
        f"UPDATE files SET missing = true, seq = ? WHERE {leaving} AND NOT missing",
        [transaction.seq],
    )
    transaction.run("DROP TABLE temp.leaving")


def mark_missing(transaction: Transaction, paths: Sequence[str]) -> None:
    """Note that files left the disk, and keep their images; rejects are forgotten."""
    if paths:
        keys = path_keys(paths)
        transaction.run(f"DELETE FROM rejects t USING {KEYS} WHERE {SAME}", keys)
        transaction.run(
            f"UPDATE files t SET missing = true, seq = ? FROM {KEYS} WHERE {SAME} AND NOT missing",
            [transaction.seq, *keys],
        )


def mark_seen(transaction: Transaction, paths: Sequence[str]) -> None:
    """Note that files are on the disk again, so that what is known of them does not expire."""
    if paths:
        transaction.run(
            f"UPDATE files t SET missing = false, seq = ? FROM {KEYS} WHERE {SAME} AND missing",
            [transaction.seq, *path_keys(paths)],
        )


def revive_images(transaction: Transaction, ids: Sequence[int]) -> None:
    """Let waiting images be found again; of their files, those not put since are forgotten."""
    if not ids:
        return
    among = "image_id IN (SELECT unnest(?::BIGINT[]))"
    transaction.run(f"DELETE FROM deletions WHERE {among}", [list(ids)])
    transaction.run(f"DELETE FROM files WHERE missing AND {among}", [list(ids)])
    transaction.run(
        "INSERT INTO revivals SELECT unnest(?::BIGINT[]), ?, now()::TIMESTAMP",
        [list(ids), transaction.seq],
    )


def remove_waiting(transaction: Transaction, ids: Sequence[int]) -> None:
    """Take waiting images out for good: their files bring nothing until they change."""
    if ids:
        transaction.run(
            "UPDATE deletions SET reason = 'removed' "
            "WHERE image_id IN (SELECT unnest(?::BIGINT[]))",
            [list(ids)],
        )


def remove_images(transaction: Transaction, ids: Sequence[int]) -> None:
    """Delete what a user named, also what is hidden and waits for its files.

    Raises:
        UnknownImageError: an id that neither a live nor a waiting image has.
    """
    live = live_ids(transaction, ids)
    hidden = {row[0] for row in transaction.rows(f"SELECT id {WAITING_IMAGES}")}
    unknown = [i for i in ids if i not in live and i not in hidden]
    if unknown:
        raise UnknownImageError(f"there is no image with id {unknown[0]} in this collection")
    delete_images(transaction, [i for i in ids if i in live], "removed")
    remove_waiting(transaction, [i for i in ids if i in hidden])


@dataclass(frozen=True, slots=True)
class Removed:
    """What a removal took out.

    Attributes:
        images: images that are gone from every search.
        files: files that were taken from images which stay, because they have others.
    """

    images: int
    files: int


def remove_files(transaction: Transaction, paths: Sequence[str]) -> Removed:
    """Take files out by path; an image leaves with its last one.

    A file taken from an image that stays hangs on an id that never was an image's, so that it is
    known and brings nothing until it changes, as the files of removed images do.
    """
    keys = path_keys(paths)
    named = transaction.rows(
        f"SELECT DISTINCT image_id FROM files t JOIN {KEYS} ON {SAME} "
        "ANTI JOIN (SELECT image_id FROM deletions WHERE reason NOT IN ('gone', 'excluded')) d "
        "USING (image_id)",
        keys,
    )
    ids = [row[0] for row in named]
    staying = transaction.rows(
        f"SELECT DISTINCT image_id FROM files t ANTI JOIN {KEYS} ON {SAME} "
        "WHERE image_id IN (SELECT unnest(?::BIGINT[]))",
        [*keys, ids],
    )
    stay = {row[0] for row in staying}
    waiting = {row[0] for row in transaction.rows(f"SELECT id {WAITING_IMAGES}")}
    leave = [image_id for image_id in ids if image_id not in stay]
    remove_waiting(transaction, [image_id for image_id in leave if image_id in waiting])
    delete_images(transaction, [i for i in leave if i not in waiting], "removed")
    apart = _set_apart(transaction, keys, sorted(stay)) if stay else 0
    return Removed(len(leave), apart)


def _set_apart(transaction: Transaction, keys: list[object], ids: list[int]) -> int:
    """Hang files of images that stay on an id of no image; how many there were."""
    nobody = next_id(transaction)
    delete_images(transaction, [nobody], "removed")
    chosen = f"{SAME} AND t.image_id IN (SELECT unnest(?::BIGINT[]))"
    count = transaction.rows(f"SELECT count(*) FROM files t JOIN {KEYS} ON {chosen}", [*keys, ids])
    transaction.run(
        f"UPDATE files t SET image_id = ?, seq = ? FROM {KEYS} WHERE {chosen}",
        [nobody, transaction.seq, *keys, ids],
    )
    return int(count[0][0])


def overdue(connection: DuckDBPyConnection, grace_days: float) -> int:
    """How many images, and files of removed images, ``give_up`` would forget."""
    until = [_before(connection, grace_days)]
    waiting = connection.execute(
        f'SELECT count(*) FROM deletions WHERE reason IN {WAITING} AND "at" <= ?', until
    ).fetchall()
    gone = connection.execute(f"SELECT count(*) {_GONE_REMOVED}", until).fetchall()
    return int(waiting[0][0]) + int(gone[0][0])


def give_up(transaction: Transaction, grace_days: float) -> int:
    """End the waiting of what has waited for so many days; returns the number of images.

    Their rows and remembered files go now, their vectors when their segments are written anew.
    Annotations stay: they are the user's own work, and the same content finds them again.
    """
    until = _before(transaction.connection, grace_days)
    over = transaction.rows(
        f'SELECT image_id FROM deletions WHERE reason IN {WAITING} AND "at" <= ?', [until]
    )
    ids = [row[0] for row in over]
    held = transaction.rows(
        "SELECT count(*) FROM images WHERE id IN (SELECT unnest(?::BIGINT[]))", [ids]
    )
    for table, key in (("images", "id"), ("predictions", "image_id"), ("files", "image_id")):
        transaction.run(f"DELETE FROM {table} WHERE {key} IN (SELECT unnest(?::BIGINT[]))", [ids])
    transaction.run(
        "UPDATE deletions SET reason = 'expired' WHERE image_id IN (SELECT unnest(?::BIGINT[]))",
        [ids],
    )
    transaction.run(f"DELETE {_GONE_REMOVED}", [until])
    return int(held[0][0])


def _before(connection: DuckDBPyConnection, grace_days: float) -> datetime:
    now: datetime = connection.execute("SELECT now()::TIMESTAMP").fetchall()[0][0]
    return now - timedelta(days=grace_days)
