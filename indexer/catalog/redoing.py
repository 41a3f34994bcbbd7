"""A commit that the journal knows and the catalog lacks, done again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog.changes import add_images, put_predictions
from vitrail.indexer.catalog.replaced import keep_replaced
from vitrail.indexer.catalog.replay import replay
from vitrail.indexer.catalog.state import live_segments
from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.records import ImageRecord
from vitrail.indexer.segments.image_rows import image_records
from vitrail.indexer.segments.segment_file import Segment, read_segment

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def redo(connection: DuckDBPyConnection, changes: Sequence[Mapping[str, Any]], folder: str) -> None:
    """Do a commit again, all of it or nothing; its record stays in the journal.

    Args:
        connection: at the catalog as the commit before left it.
        changes: what the lines of the record say.
        folder: of the segments, one of which has the images that the commit brought.

    Raises:
        CollectionError: that segment is missing, damaged, or cannot be read now.
    """
    before = {segment.name for segment in live_segments(connection)}
    connection.execute("BEGIN")
    try:
        for content in changes:
            replay(connection, content)
        transaction = Transaction(connection, 0)  # written down already
        live = live_segments(connection)
        keep_replaced(transaction, before.difference(segment.name for segment in live))
        for segment in live:
            if segment.name not in before:
                table = read_segment(folder, segment)
                images = zip(table["id"].to_pylist(), image_records(table, ()), strict=True)
                add_lacking(transaction, segment, dict(images))
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def add_lacking(
    transaction: Transaction, segment: Segment, images: Mapping[int, ImageRecord]
) -> None:
    """Enter those of a segment's images, by id, that the catalog does not know better.

    It holds what was read again, and later predictions. Of what was read again and nothing more,
    the predictions are still those of the segment. Images that were given up stay in their segment
    until it is written anew.
    """
    there, given_up, predicted = (
        {row[0] for row in transaction.rows(sql, [segment.min_id, segment.max_id])}
        for sql in (
            "SELECT id FROM images WHERE id BETWEEN ? AND ?",
            "SELECT image_id FROM deletions WHERE reason = 'expired' AND image_id BETWEEN ? AND ?",
            "SELECT image_id FROM predictions WHERE image_id BETWEEN ? AND ?",
        )
    )
    wanted = {
        id_: replace(image, predictions=()) if id_ in predicted else image
        for id_, image in images.items()
        if id_ not in given_up
    }
    new = {id_: image for id_, image in wanted.items() if id_ not in there}
    add_images(transaction, list(new), list(new.values()))
    put_predictions(transaction, {i: wanted[i].predictions for i in there & wanted.keys()})
