"""A lost catalog anew, from the segments and the last snapshot of the user's own tables."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from indexer.catalog import catalog as catalogs
from indexer.catalog import snapshots
from indexer.catalog.changes import add_images, add_segment, delete_images, put_files
from indexer.catalog.snapshots import Snapshot
from indexer.catalog.transaction import Transaction
from indexer.collection.layout import begin_catalog, begun_path, read_mark
from indexer.encoders.base import Fingerprint
from indexer.errors import DamagedError
from indexer.paths import original
from indexer.records import FileRecord
from indexer.store import segments
from indexer.store.durability import checksum, set_aside, sync_directory
from indexer.store.image_rows import image_records
from indexer.store.reading import reading
from indexer.store.segments import ALTERED, Segment, SegmentHeader, read_header, read_table

_LIVE = "FROM images i ANTI JOIN deletions d ON d.image_id = i.id"


@dataclass(slots=True)
class Rebuilt:
    """What comes of it, once it is adopted.

    Attributes:
        segments: how many it lists.
        images: how many are live.
        unusable: segment files that it cannot take in -> why.
        lost: paths of images that no segment holds any more.
        annotated: those of them that the user has annotated.
        snapshot: commit number of the snapshot that the user's own tables come from, if any.
    """

    segments: int = 0
    images: int = 0
    unusable: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    annotated: frozenset[str] = frozenset()
    snapshot: int | None = None


def rebuild_catalog(directory: str) -> Rebuilt:
    """Write a new catalog under a temporary name; nothing else is touched until it is adopted.

    The caller holds the writer's lock.

    Raises:
        UnreadableError: a segment cannot be read now.
        CollectionError: neither segments nor ``vitrail.json`` tell the encoder.
    """
    done = Rebuilt()
    folder = os.path.join(directory, segments.FOLDER)
    headers = _headers(folder, done)
    fingerprint = _fingerprint(directory, headers)
    headers = _own(headers, fingerprint, done)
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
    done.snapshot = snapshot.seq if snapshot else None
    return done


def adopt_catalog(directory: str, rebuilt: Rebuilt) -> list[str]:
    """Put the rebuilt catalog in place of the old one, and set aside what it could not take in.

    Returns:
        one line for each file that was set aside.
    """
    lines = []
    for name in (catalogs.FILE, catalogs.FILE + ".wal"):
        path = os.path.join(directory, name)
        if os.path.lexists(path):
            lines.append(f"{name}: set aside as {os.path.basename(set_aside(path))}")
    for name, problem in rebuilt.unusable.items():
        aside = set_aside(os.path.join(directory, segments.FOLDER, name))
        lines.append(f"{name}: {problem}; set aside as {os.path.basename(aside)}")
    os.replace(begun_path(directory), os.path.join(directory, catalogs.FILE))
    sync_directory(directory)
    return lines


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
        except DamagedError as error:
            done.unusable[name] = str(error).split("; run")[0]
    merged = {name for header in headers.values() for name in header.replaces}
    return {name: header for name, header in headers.items() if name not in merged}


def _fingerprint(directory: str, headers: dict[str, SegmentHeader]) -> Fingerprint:
    if headers:
        digests = [header.fingerprint.digest for header in headers.values()]
        commonest = max(set(digests), key=digests.count)
        return next(h.fingerprint for h in headers.values() if h.fingerprint.digest == commonest)
    return read_mark(directory)


def _own(
    headers: dict[str, SegmentHeader], fingerprint: Fingerprint, done: Rebuilt
) -> dict[str, SegmentHeader]:
    own = {}
    for name, header in headers.items():
        if header.fingerprint.digest == fingerprint.digest:
            own[name] = header
        else:
            done.unusable[name] = "it was made by another encoder"
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
        except DamagedError as error:
            done.unusable[name] = str(error).split("; run")[0]
    _keep_one_of_each(transaction)
    _forget_lost_files(transaction, done)
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
        UnreadableError: it cannot be read now.
        DamagedError: it is damaged, or its ids are another segment's.
    """
    with reading(path):
        found = checksum(path)
    if expected not in (None, found):
        raise DamagedError(ALTERED)
    table = read_table(path)
    ids = table["id"].to_pylist()
    segment = Segment(
        os.path.basename(path), len(ids), os.path.getsize(path), found, min(ids), max(ids)
    )
    if any(s.min_id <= segment.max_id and segment.min_id <= s.max_id for s in before):
        raise DamagedError("its ids are those of another segment")
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


def _forget_lost_files(transaction: Transaction, done: Rebuilt) -> None:
    """Files whose image is neither in a segment nor deleted: the next run embeds them again."""
    lost = "FROM files WHERE image_id NOT IN (SELECT id FROM images) "
    lost += "AND image_id NOT IN (SELECT image_id FROM deletions)"
    known = "content_hash IN (SELECT content_hash FROM annotations)"
    rows = transaction.rows(f"SELECT path, path_raw, {known} {lost} ORDER BY path")
    transaction.run(f"DELETE {lost}")
    paths = [original(text, data) for text, data, _ in rows]
    done.lost = paths
    done.annotated = frozenset(p for p, row in zip(paths, rows, strict=True) if row[2])
