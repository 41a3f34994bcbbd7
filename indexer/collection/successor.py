"""The collection that shall take another's place: the same images, embedded by another encoder.

It grows in a folder of its own inside of the old one's directory, which serves on until the end;
then its catalog replaces the old one's in one step. Whatever is killed, either the old collection
is there whole, with the successor to be gone on with, or the new one is.
"""

from __future__ import annotations

import os
import shutil
import time

from vitrail.indexer.catalog import catalog as catalogs
from vitrail.indexer.catalog import journal, table_copies
from vitrail.indexer.catalog.journal import Journal
from vitrail.indexer.catalog.replaced import write_replaced
from vitrail.indexer.catalog.succession import carry_over, last_given
from vitrail.indexer.catalog.table_copies import TableCopies
from vitrail.indexer.collection.layout import MARK, mark_text
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import CollectionError
from vitrail.indexer.files.durability import rename, replacing, sync_directory, write_text
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.segments import segment_file
from vitrail.indexer.vectors import indexes

FOLDER = "successor"


def begin(directory: str, fingerprint: Fingerprint, *, restart: bool = False) -> CollectionStore:
    """The successor of a collection, open for writing: a new one, or the one that was begun.

    Args:
        directory: of the collection to be succeeded, whose lock the caller holds.
        fingerprint: the successor's encoder.
        restart: throw away what was begun.

    Raises:
        CollectionError: one of another encoder was begun.
    """
    folder = os.path.join(directory, FOLDER)
    if restart or not os.path.exists(os.path.join(folder, catalogs.FILE)):
        shutil.rmtree(folder, ignore_errors=True)
        return CollectionStore.create(folder, fingerprint)
    found = CollectionStore.open(folder, writable=True)
    if not found.fingerprint.agrees(fingerprint):
        own = found.fingerprint.describe()
        found.close()
        raise CollectionError(
            f"{directory} is being embedded anew by {own}, which is not finished; ask for that "
            "checkpoint and those spaces to go on, or start over with --restart"
        )
    return found


def unfinished(directory: str) -> bool:
    """Whether a successor was begun and has not taken over."""
    return os.path.exists(os.path.join(directory, FOLDER, catalogs.FILE))


def take_over(old: CollectionStore, new: CollectionStore) -> None:
    """Put the successor in the old collection's place, with all that only the old one knew.

    Files with their labels, rejects, removals, roots and the user's own columns are carried over.
    Both are closed afterwards.

    Args:
        old: open for writing.
        new: its successor, open for writing, with the images embedded.

    Raises:
        CollectionError: the disk is full; the old collection is as it was.
    """
    directory, folder, fingerprint = old.directory, new.directory, new.fingerprint
    old.maintain()
    old.copy_tables()
    with old.preparing() as prepared:
        last_id = last_given(prepared)
    over = [segment.name for segment in old.state.segments]
    with new.transaction("reembed", journalled=False) as transaction:
        # Readers of the old state go on with its segments for a while, as after a merge.
        write_replaced(transaction, over, time.time(), old.state.replaced)
        carry_over(transaction, _last_copies(old), last_id, old.state.seq)
    new.maintain()
    new.copy_tables()
    seq = new.state.seq
    new.close()
    _link_files(
        os.path.join(folder, segment_file.FOLDER), os.path.join(directory, segment_file.FOLDER)
    )
    old.close()
    _drop_indexes(directory)
    _replace_catalog(folder, directory)
    write_text(os.path.join(directory, MARK), mark_text(fingerprint))
    _move(os.path.join(folder, indexes.FOLDER), os.path.join(directory, indexes.FOLDER))
    copies = (os.path.join(place, table_copies.FOLDER) for place in (folder, directory))
    table_copies.move_newest(*copies)
    Journal(os.path.join(directory, journal.FOLDER)).cut(seq, kept=seq)
    shutil.rmtree(folder, ignore_errors=True)


def _last_copies(collection: CollectionStore) -> TableCopies:
    found = table_copies.newest(os.path.join(collection.directory, table_copies.FOLDER))
    if found is None or found.seq != collection.state.seq:
        raise CollectionError(
            f"{collection.directory} has no copy of its last commit", remedy="run `vitrail verify`"
        )
    return found


def _replace_catalog(folder: str, directory: str) -> None:
    """The step with which the successor takes over; copies of the tables follow it."""
    for place in (directory, folder):
        log = os.path.join(place, catalogs.FILE + ".wal")
        if os.path.exists(log):  # it would be replayed over the other catalog, or not at all
            raise CollectionError(
                f"{log} holds changes that are in no catalog; free some room and run again"
            )
    rename(os.path.join(folder, catalogs.FILE), os.path.join(directory, catalogs.FILE))
    sync_directory(folder)


def _drop_indexes(directory: str) -> None:
    """Delete the old cache first: a missing one is made anew, another encoder's looks damaged."""
    folder = os.path.join(directory, indexes.FOLDER)
    for entry in os.scandir(folder):
        os.unlink(entry.path)
    sync_directory(folder)


def _move(source: str, target: str) -> None:
    for entry in os.scandir(source):
        rename(entry.path, os.path.join(target, entry.name))


def _link_files(source: str, target: str) -> None:
    """Give files a second name, so that they stay the successor's until it has taken over."""
    for entry in os.scandir(source):
        link = os.path.join(target, entry.name)
        if not entry.is_file() or os.path.exists(link):
            continue
        try:
            os.link(entry.path, link)
        except OSError:  # a file system without links, such as a memory card's
            with replacing(link) as temporary:
                shutil.copyfile(entry.path, temporary)
    sync_directory(target)
