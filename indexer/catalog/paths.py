"""Files and rejects in place of what was known at their paths."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from vitrail.indexer.catalog.changes import KEYS, SAME, path_keys
from vitrail.indexer.catalog.known import KnownPaths
from vitrail.indexer.catalog.new_rows import file_rows
from vitrail.indexer.catalog.transaction import HeldRows, Transaction
from vitrail.indexer.paths import display, raw
from vitrail.indexer.records import FileRecord, RejectRecord


@dataclass(frozen=True, slots=True)
class NewFiles:
    """Files to be put.

    Attributes:
        rows: they, each path once.
        images: ids of the images that they are of, by path.
    """

    rows: HeldRows
    images: Mapping[str, int]


def hold_files(
    prepared: Transaction,
    files: Sequence[FileRecord],
    ids: Mapping[str, int],
    known: KnownPaths,
) -> NewFiles:
    """Get files ready for ``put_files``.

    Args:
        prepared: the writer's, of the commit to come.
        files: of two at one path the last counts.
        ids: content hash -> id of the image.
        known: of all their paths.
    """
    latest = {file.path: file for file in files}
    now: datetime = prepared.rows("SELECT now()::TIMESTAMP")[0][0]
    seen = [known.files.get(path, (0, now))[1] for path in latest]
    columns = file_rows(list(latest.values()), ids, seen, prepared.seq)
    images = {path: ids[file.content_hash] for path, file in latest.items()}
    return NewFiles(prepared.hold("files", columns), images)


def put_files(transaction: Transaction, files: NewFiles, known: KnownPaths) -> set[int]:
    """Put files in place of what was known at their paths.

    Returns:
        ids of the images that may have lost their last file.
    """
    before = _drop(transaction, files.images, known)
    transaction.append_held(files.rows)
    return {image_id for image_id, _ in before.values()} - set(files.images.values())


def put_rejects(
    transaction: Transaction, rejects: Sequence[RejectRecord], known: KnownPaths
) -> set[int]:
    """Note rejected files; a file that was an image before is one no longer.

    Args:
        transaction: the writer's.
        rejects: of two at one path the last counts.
        known: of all their paths.

    Returns:
        ids of the images that may have lost their last file.
    """
    latest = {reject.path: reject for reject in rejects}
    rows = list(latest.values())
    before = _drop(transaction, latest, known)
    transaction.append(
        "rejects",
        {
            "path": [display(reject.path) for reject in rows],
            "path_raw": [raw(reject.path) for reject in rows],
            "size": [reject.size for reject in rows],
            "mtime_ns": [reject.mtime_ns for reject in rows],
            "reason": [reject.reason for reject in rows],
            "detail": [display(reject.detail) for reject in rows],
            "seq": [transaction.seq] * len(rows),
        },
    )
    return {image_id for image_id, _ in before.values()}


def _drop(
    transaction: Transaction, paths: Collection[str], known: KnownPaths
) -> dict[str, tuple[int, datetime]]:
    """Take out what is known at paths, and return what files were there.

    A statement goes through all rows of its table, while readers wait: there is none for nothing.
    """
    before = {path: known.files[path] for path in paths if path in known.files}
    for table, found in (
        ("files", list(before)),
        ("rejects", [*known.rejects.intersection(paths)]),
    ):
        if found:
            transaction.run(f"DELETE FROM {table} t USING {KEYS} WHERE {SAME}", path_keys(found))
    return before
