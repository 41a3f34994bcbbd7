"""What a user asks to be tidied: waiting ended, files and images taken out, room given back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vitrail.indexer.building import building
from vitrail.indexer.catalog.catalog import FILE, Catalog
from vitrail.indexer.catalog.departures import Removed, Waiting, give_up, read_waiting, remove_files
from vitrail.indexer.catalog.merging import kept_within
from vitrail.indexer.catalog.roots import forget_root, put_settings, read_settings
from vitrail.indexer.collection.current_indexes import deleted_since
from vitrail.indexer.collection.maintenance import (
    grace_days,
    is_lost,
    merge_segments,
    save_index,
)
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.summary import tree_bytes
from vitrail.indexer.errors import InputError
from vitrail.indexer.files.durability import disk_guard
from vitrail.indexer.segments import segment_file
from vitrail.indexer.segments.segment_file import Segment, read_ids
from vitrail.indexer.vectors import indexes

_DEAD_SHARE = 0.1  # of a segment's rows, from which on writing it anew pays
_LONGEST = 36_500.0  # days


@dataclass(frozen=True, slots=True)
class Tidied:
    """What was tidied.

    Attributes:
        given_up: images whose waiting ended.
        waiting: those that wait still.
        grace_days: how long images wait in this collection.
        freed: bytes that segments and indexes take less.
        later: those of them that files take until no reader needs them, which is a quarter of an
            hour; the first writer after that deletes them.
        unbuilt: spaces whose index was not built, since somebody wished that to end.
    """

    given_up: int
    waiting: Waiting
    grace_days: float
    freed: int
    later: int
    unbuilt: tuple[str, ...] = ()


def tidy(collection: CollectionStore, *, now: bool = False) -> Tidied:
    """Give up images that have waited too long, and write anew what much of is dead.

    Args:
        collection: open for writing.
        now: end the waiting of all, and leave nothing in any segment or index of what is not in
            the collection any more.

    Raises:
        CollectionError: not open for writing, a segment is damaged, or the disk is full.
    """
    before = _bytes_held(collection)
    with disk_guard(collection.directory, 1 << 20):
        with collection.transaction("tidy") as transaction:
            days = grace_days(transaction.connection)
            given_up = give_up(transaction, 0 if now else days)
        _write_anew(collection, 0 if now else _DEAD_SHARE)
        unbuilt = collection.maintain()
        if now and not unbuilt:
            unbuilt = _drop_hidden(collection)
    with collection.reading() as connection:
        waiting = read_waiting(connection)
    freed = max(0, before - _bytes_held(collection))
    later = min(freed, _bytes_left_over(collection))
    return Tidied(given_up, waiting, days, freed, later, unbuilt)


def _bytes_held(collection: CollectionStore) -> int:
    """What segments and indexes hold: the catalog grows and shrinks as DuckDB likes."""
    listed = sum(segment.bytes for segment in collection.state.segments)
    return listed + tree_bytes(os.path.join(collection.directory, indexes.FOLDER))


def _bytes_left_over(collection: CollectionStore) -> int:
    """What the files of replaced segments take, which readers may need still."""
    folder = os.path.join(collection.directory, segment_file.FOLDER)
    files = (os.path.join(folder, name) for name in collection.state.replaced)
    return sum(os.path.getsize(path) for path in files if os.path.exists(path))


def set_grace(collection: CollectionStore, days: float) -> None:
    """Set how many days images wait for their files to come back.

    Raises:
        InputError: it is negative or out of reason.
        CollectionError: not open for writing, or the disk is full.
    """
    if not 0 <= days <= _LONGEST:
        raise InputError(f"a grace period of {days:g} days makes no sense; give 0 to {_LONGEST:g}")
    with disk_guard(collection.directory, 1 << 20), collection.transaction("settings") as change:
        put_settings(change, {**read_settings(change.connection), "grace_days": days})


def take_out(
    collection: CollectionStore, paths: Sequence[str], *, roots: Sequence[str] = ()
) -> Removed:
    """Take files out of the collection (never from disk); an image leaves with its last one.

    Args:
        collection: open for writing.
        paths: as ``Collection.known_files`` gives them.
        roots: remembered folders to forget.

    Raises:
        CollectionError: not open for writing, or the disk is full.
    """
    with disk_guard(collection.directory, 1 << 20), collection.transaction("remove") as change:
        for root in roots:
            forget_root(change, root)
        return remove_files(change, paths)


def _write_anew(collection: CollectionStore, share: float) -> None:
    folder = os.path.join(collection.directory, segment_file.FOLDER)
    catalog = Catalog(os.path.join(collection.directory, FILE))
    for segment in collection.state.segments:
        dead = _dead_rows(collection, segment)
        if dead and dead >= share * segment.rows:
            merge_segments(catalog, folder, collection.fingerprint, [segment])
    catalog.close()
    collection.refresh()


def _dead_rows(collection: CollectionStore, segment: Segment) -> int:
    with collection.reading() as connection:
        kept = kept_within(connection, segment.min_id, segment.max_id)
    if len(kept) == segment.rows and segment.rows == segment.max_id - segment.min_id + 1:
        return 0
    folder = os.path.join(collection.directory, segment_file.FOLDER)
    return segment.rows - len(np.intersect1d(read_ids(folder, segment), kept))


def _drop_hidden(collection: CollectionStore) -> tuple[str, ...]:
    """Write the indexes anew that hold vectors of images which are not in the collection.

    Returns:
        spaces whose index was not, since somebody wished that to end.
    """
    with building() as made:
        for space in collection.spaces:
            files = collection.index_files(space)
            held = files.coverage()
            if held is not None and len(deleted_since(collection.readings, held.seq)):
                if is_lost(collection.indexes, space, collection.state):
                    files.remove(files.generations())
                else:
                    save_index(collection.indexes, space, collection.readings, made)
    return tuple(made.unbuilt)
