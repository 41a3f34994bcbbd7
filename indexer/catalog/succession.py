"""What the catalog of a collection that is embedded anew takes over from the one before."""

from __future__ import annotations

from vitrail.indexer.catalog.changes import next_id
from vitrail.indexer.catalog.reservations import keep_ids_below
from vitrail.indexer.catalog.snapshots import Snapshot
from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.paths import literal


def last_given(prepared: Transaction) -> int:
    """The greatest id that was ever given or reserved; 0 without any."""
    return next_id(prepared) - 1


def carry_over(transaction: Transaction, kept: Snapshot, last_id: int, last_commit: int) -> None:
    """Fill a successor's tables from the old collection's; images are told by their content.

    Args:
        transaction: the successor's.
        kept: copies of the old tables.
        last_id: the greatest id that the old collection gave, after which the new one goes on.
        last_commit: likewise, so that no reader takes the new state for an older one.
    """
    for table in ("files", "rejects", "deletions", "roots"):
        transaction.run(f"DELETE FROM {table}")
    # An image that could not be embedded again leaves with its files; what was removed stays known
    # as that, also where another file has the same content.
    transaction.run(
        "INSERT INTO files BY NAME SELECT f.* REPLACE (coalesce(d.image_id, i.id) AS image_id) "
        "FROM read_parquet(?) f LEFT JOIN images i ON i.content_hash = f.content_hash "
        "LEFT JOIN (SELECT DISTINCT image_id FROM read_parquet(?)) d ON d.image_id = f.image_id "
        "WHERE i.id IS NOT NULL OR d.image_id IS NOT NULL",
        [literal(kept.files["files"]), literal(kept.files["deletions"])],
    )
    for table in ("rejects", "deletions", "roots"):
        if table in kept.files:
            transaction.run(
                f"INSERT INTO {table} BY NAME SELECT * FROM read_parquet(?)",
                [literal(kept.files[table])],
            )
    transaction.run(
        "CREATE OR REPLACE TABLE annotations AS SELECT * FROM read_parquet(?)",
        [literal(kept.files["annotations"])],
    )
    keep_ids_below(transaction, last_id)
    last = max(last_commit, transaction.seq) + 1
    transaction.run("INSERT INTO commits VALUES (?, now()::TIMESTAMP, 'carried')", [last])
