"""What the catalog of a collection that is embedded anew takes over from the one before."""

from __future__ import annotations

from collections.abc import Sequence

from vitrail.indexer.catalog.changes import LIVE, delete_images, next_id
from vitrail.indexer.catalog.reservations import keep_ids_below
from vitrail.indexer.catalog.table_copies import TableCopies
from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.paths import literal


def last_given(prepared: Transaction) -> int:
    """The greatest id that was ever given or reserved; 0 without any."""
    return next_id(prepared) - 1


def carry_over(transaction: Transaction, kept: TableCopies, last_id: int, last_commit: int) -> None:
    """Fill a successor's tables from the old collection's; images are told by their content.

    Args:
        transaction: the successor's.
        kept: copies of the old tables.
        last_id: the greatest id that the old collection gave, after which the new one goes on.
        last_commit: likewise, so that no reader takes the new state for an older one.
    """
    own = transaction.rows("SELECT DISTINCT image_id FROM deletions")
    for table in ("files", "rejects", "deletions", "roots"):
        transaction.run(f"DELETE FROM {table}")
    # Decisions are of contents, which are the same whatever embeds them.
    for table in ("rejects", "deletions", "roots", "decisions"):
        if table in kept.files:
            # An index that was saved on the way knows commits of the successor alone.
            also = f"REPLACE ({transaction.seq} AS seq)" if table == "deletions" else ""
            transaction.run(
                f"INSERT INTO {table} BY NAME SELECT * {also} FROM read_parquet(?)",
                [literal(kept.files[table])],
            )
    _hide_departed(transaction, kept, [row[0] for row in own])
    # An image that could not be embedded again leaves with its files; what was removed stays known
    # as that, also where another file has the same content.
    transaction.run(
        "INSERT INTO files BY NAME SELECT f.* REPLACE (coalesce(d.image_id, i.id) AS image_id) "
        f"FROM read_parquet(?) f LEFT JOIN (SELECT i.* {LIVE}) i "
        "ON i.content_hash = f.content_hash "
        "LEFT JOIN (SELECT DISTINCT image_id FROM read_parquet(?)) d ON d.image_id = f.image_id "
        "WHERE i.id IS NOT NULL OR d.image_id IS NOT NULL",
        [literal(kept.files["files"]), literal(kept.files["deletions"])],
    )
    transaction.run(
        "CREATE OR REPLACE TABLE annotations AS SELECT * FROM read_parquet(?)",
        [literal(kept.files["annotations"])],
    )
    keep_ids_below(transaction, last_id)
    last = max(last_commit, transaction.seq) + 1
    transaction.run("INSERT INTO commits VALUES (?, now()::TIMESTAMP, 'carried')", [last])


def _hide_departed(transaction: Transaction, kept: TableCopies, own: Sequence[int]) -> None:
    """Hide what was embedded and then left the old collection, under whatever id it has here."""
    departed = transaction.rows(
        f"SELECT i.id {LIVE} WHERE i.id IN (SELECT unnest(?::BIGINT[])) OR i.content_hash NOT IN "
        "(SELECT content_hash FROM read_parquet(?) o ANTI JOIN read_parquet(?) g "
        "ON g.image_id = o.id)",
        [list(own), literal(kept.files["images"]), literal(kept.files["deletions"])],
    )
    delete_images(transaction, [row[0] for row in departed], "removed")
