"""A lost catalog anew, from copies of its tables, the journal after them, and the segments."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.catalog import catalog as catalogs
from vitrail.indexer.catalog import journal, refilling
from vitrail.indexer.catalog.changes import add_segment
from vitrail.indexer.catalog.copies import Copies, find_copies
from vitrail.indexer.catalog.forgetting import end_waiting, forget_lost_files
from vitrail.indexer.catalog.known import look_up_paths
from vitrail.indexer.catalog.paths import hold_files, put_files
from vitrail.indexer.catalog.redoing import add_lacking
from vitrail.indexer.catalog.replaced import keep_replaced
from vitrail.indexer.catalog.reservations import close_reservations, open_reservations
from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.collection.found_segments import FoundSegments, find_segments
from vitrail.indexer.collection.layout import begin_catalog, begun_path, read_mark
from vitrail.indexer.collection.rebuilt_spaces import keep_sound, take_in_found
from vitrail.indexer.errors import DamagedError
from vitrail.indexer.files.durability import checksum, rename, set_aside
from vitrail.indexer.files.reading import reading
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.segments import segment_file
from vitrail.indexer.segments.image_rows import file_records, image_records
from vitrail.indexer.segments.segment_file import ALTERED, Segment, read_table, token_of
from vitrail.indexer.wording import counted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


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
        UnreadableError: a segment, a copy or the journal cannot be read now.
        CollectionError: neither segments nor ``vitrail.json`` tell the encoder.
    """
    done = Rebuilt()
    with reading(os.path.join(directory, journal.FOLDER)):
        copies = find_copies(directory)
    found = find_segments(os.path.join(directory, segment_file.FOLDER))
    fingerprint = found.fingerprint(copies.listed()) or read_mark(directory)
    # Commit numbers go on, so that files of the old catalog never look newer than the new one.
    last = max([copies.seq, copies.known, *(header.seq for header in found.headers.values())])

    def restore(connection: DuckDBPyConnection) -> None:
        copies.restore(connection)
        refilling.note_lost_commits(connection, last)

    catalog = begin_catalog(directory, fingerprint, restore)
    with catalog.writing("rebuild", checkpoint=True) as transaction:
        _fill(transaction, found, copies, fingerprint, done)
        if not copies.followed and copies.tables is None:
            take_in_found(transaction, directory, fingerprint)
        done.notes += keep_sound(transaction, directory, fingerprint)
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
    listed = refilling.listed_segments(transaction)
    sure = copies.followed and not found.is_behind(copies)
    done.unusable = {n: why for n, why in found.broken.items() if n in listed or not sure}
    taking = _Taking(transaction, refilling.told_ids(transaction))
    for name in found.chosen(copies, listed, open_reservations(transaction.connection)):
        if not found.headers[name].fingerprint.agrees(fingerprint):
            done.unusable[name] = "it was made by another encoder"
            continue
        try:
            taking.add(os.path.join(found.folder, name), listed.get(name))
        except DamagedError as error:
            done.unusable[name] = error.problem
    staged = [token for token in map(token_of, taking.names) if token is not None]
    close_reservations(transaction, staged)
    if staged and not copies.followed:
        done.notes.append(
            f"{segment_file.FOLDER}: {counted(len(staged), 'staged segment')} taken in, of which "
            "nothing tells any more whether it was adopted"
        )
    keep_replaced(transaction, found.merged_into(taking.names))  # readers may go through them
    done.waiting = end_waiting(transaction, taking.held.tolist(), taking.names)
    refilling.keep_only(transaction, taking.names, taking.held.tolist())
    refilling.keep_one_of_each(transaction)
    lost = forget_lost_files(transaction)
    done.lost = [path for path, _ in lost]
    done.annotated = frozenset(path for path, annotated in lost if annotated)
    done.segments = len(taking.names)
    done.images = refilling.count_live(transaction)


class _Taking:
    """Segments entered one after the other.

    Args:
        transaction: of the new catalog.
        told: ids of which the copies know more than the segments do.
    """

    def __init__(self, transaction: Transaction, told: frozenset[int]) -> None:
        self._transaction = transaction
        self._told = told
        self.names: list[str] = []
        self.held: NDArray[np.int64] = np.empty(0, np.int64)

    def add(self, path: str, expected: str | None) -> None:
        """Enter a segment's images, and the files of those that no copy knows.

        Raises:
            UnreadableError: it cannot be read now.
            DamagedError: it is damaged, or holds ids of one that was entered.
        """
        with reading(path):
            found = checksum(path)
        if expected not in (None, found):
            raise DamagedError(ALTERED)
        table = read_table(path)
        ids = np.asarray(table["id"], np.int64)
        if len(np.intersect1d(ids, self.held)):
            raise DamagedError("its ids are those of another segment")
        segment = Segment(
            name=os.path.basename(path),
            rows=len(ids),
            bytes=os.path.getsize(path),
            checksum=found,
            min_id=int(ids.min()),
            max_id=int(ids.max()),
        )
        images = dict(zip(ids.tolist(), image_records(table, ()), strict=True))
        if expected is None:
            add_segment(self._transaction, segment)
        add_lacking(self._transaction, segment, images)
        new = {image.content_hash: i for i, image in images.items() if i not in self._told}
        files = [file for file in file_records(table) if file.content_hash in new]
        known = look_up_paths(self._transaction, [file.path for file in files])
        put_files(self._transaction, hold_files(self._transaction, files, new, known), known)
        self.names.append(segment.name)
        self.held = np.union1d(self.held, ids)


def _tell(found: FoundSegments, copies: Copies, done: Rebuilt) -> None:
    """Say what may be lost, as far as anything shows it."""
    kinds = "annotations, decisions, labels, removals and rejects"
    if not copies.followed and copies.tables is None:
        done.knowledge.append(f"all {kinds}, of which no copy is left")
    elif copies.followed and found.is_behind(copies):
        done.knowledge.append(f"{kinds} after commit {copies.seq}, of which no copy is left")
    elif copies.torn:
        done.notes.append(
            f"{journal.FOLDER}: the record after commit {copies.seq} is not whole; what it was "
            "about had not been committed, or it was damaged since"
        )
