"""A lost catalog anew, from the segments and the last snapshot of the user's own tables."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from indexer.catalog import catalog as catalogs
from indexer.catalog import snapshots
from indexer.catalog.changes import add_images, add_segment, delete_images, put_files
from indexer.catalog.snapshots import Snapshot
from indexer.catalog.transaction import Transaction
from indexer.collection.layout import begin_catalog, read_mark
from indexer.encoders.base import Fingerprint
from indexer.errors import CollectionError
from indexer.paths import original
from indexer.records import FileRecord
from indexer.store import segments
from indexer.store.durability import checksum, set_aside, sync_directory
from indexer.store.image_rows import image_records
from indexer.store.segments import Segment, SegmentHeader, read_header, read_table

_LIVE = "FROM images i ANTI JOIN deletions d ON d.image_id = i.id"


@dataclass(slots=True)
class Rebuilt:
    """What came of it: counts, one line for every oddity, and the paths of lost images."""

    segments: int = 0
    images: int = 0
    notes: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def rebuild_catalog(directory: str) -> Rebuilt:
    """Write a new catalog; the caller holds the writer's lock and has set the old one aside.

    Raises:
        CollectionError: neither segments nor ``vitrail.json`` tell the encoder.
    """
    done = Rebuilt()
    folder = os.path.join(directory, segments.FOLDER)
    headers = _headers(folder, done)
    fingerprint = _fingerprint(directory, headers)
    headers = _own(folder, headers, fingerprint, done)
    snapshot = snapshots.newest(os.path.join(directory, snapshots.FOLDER))
    catalog = begin_catalog(directory, fingerprint)
    with catalog.writing("rebuild", checkpoint=True) as transaction:
        # Commit numbers go on, so that files of the old catalog never look newer than the new one.
        last = max([h.seq for h in headers.values()] + [snapshot.seq if snapshot else 0])
        transaction.run("INSERT INTO commits VALUES (?, now()::TIMESTAMP, 'lost')", [last])
        after = Transaction(transaction.connection, last + 1)
        _fill(after, folder, headers, snapshot, done)
        transaction.run("INSERT INTO commits VALUES (?, now()::TIMESTAMP, 'rebuild')", [last + 1])
    catalog.close()
    os.replace(catalog.path, os.path.join(directory, catalogs.FILE))
    sync_directory(directory)
    return done


def _headers(folder: str, done: Rebuilt) -> dict[str, SegmentHeader]:
    """Readable segments by name, without those that were merged into another readable one."""
    headers: dict[str, SegmentHeader] = {}
    names = os.listdir(folder) if os.path.isdir(folder) else []
    for name in sorted(n for n in names if n.endswith(segments.SUFFIX)):
        path = os.path.join(folder, name)
        try:
            header = read_header(path)
            read_table(path, ["id"])
            headers[name] = header
        except CollectionError as error:
            done.notes.append(f"{name}: {error}; set aside as {os.path.basename(set_aside(path))}")
    merged = {name for header in headers.values() for name in header.replaces}
    return {name: header for name, header in headers.items() if name not in merged}


def _fingerprint(directory: str, headers: dict[str, SegmentHeader]) -> Fingerprint:
    if headers:
        digests = [header.fingerprint.digest for header in headers.values()]
        commonest = max(set(digests), key=digests.count)
        return next(h.fingerprint for h in headers.values() if h.fingerprint.digest == commonest)
    return read_mark(directory)


def _own(
    folder: str, headers: dict[str, SegmentHeader], fingerprint: Fingerprint, done: Rebuilt
) -> dict[str, SegmentHeader]:
    own = {}
    for name, header in headers.items():
        if header.fingerprint.digest == fingerprint.digest:
            own[name] = header
        else:
            aside = os.path.basename(set_aside(os.path.join(folder, name)))
            done.notes.append(f"{name}: made by another encoder; set aside as {aside}")
    return own


def _fill(
    transaction: Transaction,
    folder: str,
    headers: dict[str, SegmentHeader],
    snapshot: Snapshot | None,
    done: Rebuilt,
) -> None:
    sums: dict[str, str] = {}
    known_to = 0  # up to this id the snapshot knows the files better than the segments do
    if snapshot is not None:
        snapshots.restore(transaction, snapshot)
        sums, known_to = snapshots.segment_facts(transaction, snapshot)
    ranges: list[Segment] = []
    for name in sorted(headers, key=lambda name: headers[name].seq):
        path = os.path.join(folder, name)
        try:
            ranges.append(_add(transaction, path, sums.get(name), known_to, ranges))
        except CollectionError as error:
            aside = os.path.basename(set_aside(path))
            done.notes.append(f"{name}: {error}; set aside as {aside}")
    _keep_one_of_each(transaction)
    done.lost = _forget_lost_files(transaction)
    done.segments = len(ranges)
    done.images = transaction.rows(f"SELECT count(*) {_LIVE}")[0][0]


def _add(
    transaction: Transaction,
    path: str,
    expected: str | None,
    known_to: int,
    before: list[Segment],
) -> Segment:
    """Enter a segment's images, and the files of those that the snapshot does not know.

    Raises:
        CollectionError: it is damaged, or its ids are another segment's.
    """
    found = checksum(path)
    if expected not in (None, found):
        raise CollectionError("its checksum is another than when it was written")
    table = read_table(path)
    ids = table["id"].to_pylist()
    segment = Segment(
        os.path.basename(path), len(ids), os.path.getsize(path), found, min(ids), max(ids)
    )
    if any(s.min_id <= segment.max_id and segment.min_id <= s.max_id for s in before):
        raise CollectionError("its ids are those of another segment")
    images = image_records(table, ())
    add_segment(transaction, segment)
    add_images(transaction, ids, images)
    by_hash = {i.content_hash: id_ for id_, i in zip(ids, images, strict=True) if id_ > known_to}
    files = [
        FileRecord(os.fsdecode(f["path"]), f["size"], f["mtime_ns"], i.content_hash, f["label"])
        for i, listed in zip(images, table["files"].to_pylist(), strict=True)
        for f in listed
        if i.content_hash in by_hash
    ]
    put_files(transaction, files, by_hash)
    return segment


def _keep_one_of_each(transaction: Transaction) -> None:
    """Of live images with the same content (one was deleted after the snapshot) keep the newest."""
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
            "UPDATE files SET image_id = ? WHERE content_hash = ? "
            "AND image_id IN (SELECT unnest(?::BIGINT[]))",
            [newest, content, ids],
        )


def _forget_lost_files(transaction: Transaction) -> list[str]:
    """Files whose image is neither in a segment nor deleted: the next run embeds them again."""
    lost = "FROM files WHERE image_id NOT IN (SELECT id FROM images) "
    lost += "AND image_id NOT IN (SELECT image_id FROM deletions)"
    paths = transaction.rows(f"SELECT path, path_raw {lost} ORDER BY path")
    transaction.run(f"DELETE {lost}")
    return [original(text, data) for text, data in paths]
