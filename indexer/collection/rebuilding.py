"""A lost catalog anew, from the last snapshot, the journal after it, and the segments."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vitrail.indexer.catalog import catalog as catalogs
from vitrail.indexer.catalog import journal
from vitrail.indexer.catalog.changes import WAITING, add_segment, delete_images, put_files
from vitrail.indexer.catalog.copies import Copies, find_copies
from vitrail.indexer.catalog.redoing import add_lacking
from vitrail.indexer.catalog.state import last_seq
from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.collection.found_segments import FoundSegments, find_segments
from vitrail.indexer.collection.layout import begin_catalog, begun_path, read_mark
from vitrail.indexer.errors import DamagedError
from vitrail.indexer.files.durability import checksum, rename, set_aside
from vitrail.indexer.files.reading import reading
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.paths import original
from vitrail.indexer.records import FileRecord
from vitrail.indexer.segments import segment_file
from vitrail.indexer.segments.image_rows import image_records
from vitrail.indexer.segments.segment_file import ALTERED, Segment, read_table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

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
        waiting: paths of images that would have come back with these files, and cannot.
        knowledge: what no segment holds and no copy is left of, one line each.
        notes: what else is to be told, one line each.
    """

    segments: int = 0
    images: int = 0
    unusable: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    annotated: frozenset[str] = frozenset()
    waiting: list[str] = field(default_factory=list)
    knowledge: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def rebuild_catalog(directory: str) -> Rebuilt:
    """Write a new catalog under a temporary name; nothing else is touched until it is adopted.

    The caller holds the writer's lock.

    Raises:
        UnreadableError: a segment, a snapshot or the journal cannot be read now.
        CollectionError: neither segments nor ``vitrail.json`` tell the encoder.
    """
    done = Rebuilt()
    with reading(os.path.join(directory, journal.FOLDER)):
        copies = find_copies(directory)
    found = find_segments(os.path.join(directory, segment_file.FOLDER))
    fingerprint = found.fingerprint(copies.listed()) or read_mark(directory)
    # Commit numbers go on, so that files of the old catalog never look newer than the new one.
    last = max([copies.seq, *(header.seq for header in found.headers.values())])

    def restore(connection: DuckDBPyConnection) -> None:
        copies.restore(connection)
        if last_seq(connection) < last:
            connection.execute("INSERT INTO commits VALUES (?, now()::TIMESTAMP, 'lost')", [last])

    catalog = begin_catalog(directory, fingerprint, restore)
    with catalog.writing("rebuild", checkpoint=True) as transaction:
        _fill(transaction, found, copies, fingerprint, done)
    catalog.close()
    _tell(found, copies, done)
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
        aside = set_aside(os.path.join(directory, segment_file.FOLDER, name))
        lines.append(f"{name}: {problem}; set aside as {os.path.basename(aside)}")
    rename(begun_path(directory), os.path.join(directory, catalogs.FILE))
    return lines


def _fill(
    transaction: Transaction,
    found: FoundSegments,
    copies: Copies,
    fingerprint: Fingerprint,
    done: Rebuilt,
) -> None:
    """Enter what the segments hold beside what the copies told."""
    listed = dict(transaction.rows("SELECT name, checksum FROM segments"))
    known_to = _last_id(transaction)  # up to this id the copies know better than the segments do
    transaction.run("CREATE TEMP TABLE held (id BIGINT)")
    sure = copies.followed and not found.is_behind(copies)
    done.unusable = {n: why for n, why in found.broken.items() if n in listed or not sure}
    taken: list[Segment] = []
    for name in found.chosen(copies, listed):
        if not found.headers[name].fingerprint.agrees(fingerprint):
            done.unusable[name] = "it was made by another encoder"
            continue
        path = os.path.join(found.folder, name)
        try:
            taken.append(_add(transaction, path, listed.get(name), known_to, taken))
        except DamagedError as error:
            done.unusable[name] = error.problem
    names = [segment.name for segment in taken]
    _end_waiting(transaction, names, done)
    transaction.run("DELETE FROM segments WHERE name NOT IN (SELECT unnest(?::VARCHAR[]))", [names])
    for table, key in (("images", "id"), ("predictions", "image_id")):
        transaction.run(f"DELETE FROM {table} WHERE {key} NOT IN (SELECT id FROM temp.held)")
    transaction.run("DROP TABLE temp.held")
    _keep_one_of_each(transaction)
    _forget_lost_files(transaction, done)
    done.segments = len(taken)
    done.images = transaction.rows(f"SELECT count(*) {_LIVE}")[0][0]


def _last_id(transaction: Transaction) -> int:
    rows = transaction.rows(
        "SELECT greatest((SELECT max(max_id) FROM segments), (SELECT max(id) FROM images), "
        "(SELECT max(image_id) FROM files), (SELECT max(image_id) FROM deletions))"
    )
    return int(rows[0][0] or 0)


def _tell(found: FoundSegments, copies: Copies, done: Rebuilt) -> None:
    """Say what may be lost, as far as anything shows it."""
    kinds = "annotations, labels, removals and rejects"
    if not copies.followed and copies.snapshot is None:
        done.knowledge.append(f"all {kinds}, of which no copy is left")
    elif copies.followed and found.is_behind(copies):
        done.knowledge.append(f"{kinds} after commit {copies.seq}, of which no copy is left")
    elif copies.torn:
        done.notes.append(
            f"{journal.FOLDER}: the record after commit {copies.seq} is not whole; what it was "
            "about had not been committed, or it was damaged since"
        )


def _add(
    transaction: Transaction,
    path: str,
    expected: str | None,
    known_to: int,
    before: list[Segment],
) -> Segment:
    """Enter a segment's images, and the files of those that no copy knows.

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
    images = dict(zip(ids, image_records(table, ()), strict=True))
    if expected is None:
        add_segment(transaction, segment)
    transaction.run("INSERT INTO temp.held SELECT unnest(?::BIGINT[])", [ids])
    add_lacking(transaction, segment, images)
    by_hash = {image.content_hash: id_ for id_, image in images.items() if id_ > known_to}
    files = [
        FileRecord(os.fsdecode(f["path"]), f["size"], f["mtime_ns"], image.content_hash, f["label"])
        for image, listed in zip(images.values(), table["files"].to_pylist(), strict=True)
        for f in listed
        if image.content_hash in by_hash
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


def _end_waiting(transaction: Transaction, names: list[str], done: Rebuilt) -> None:
    """Give up what waits in listed segments that cannot be taken in, where nothing is any more.

    What waited when all was embedded anew is in no segment either, but lost nothing since.
    """
    rows = transaction.rows(
        "SELECT DISTINCT image_id FROM deletions JOIN segments s "
        f"ON image_id BETWEEN s.min_id AND s.max_id WHERE reason IN {WAITING} "
        "AND s.name NOT IN (SELECT unnest(?::VARCHAR[])) "
        "AND image_id NOT IN (SELECT id FROM temp.held)",
        [names],
    )
    among = "WHERE image_id IN (SELECT unnest(?::BIGINT[]))"
    ids = [[row[0] for row in rows]]
    files = transaction.rows(f"SELECT path, path_raw FROM files {among} ORDER BY path", ids)
    done.waiting = [original(text, data) for text, data in files]
    transaction.run(f"DELETE FROM files {among}", ids)
    transaction.run(f"UPDATE deletions SET reason = 'expired' {among}", ids)


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
