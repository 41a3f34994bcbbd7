"""What a writer tidies: small segments merged, indexes saved where it pays."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vitrail.indexer.building import Building
from vitrail.indexer.catalog import journal, table_copies
from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.catalog.departures import GRACE_DAYS, give_up, overdue
from vitrail.indexer.catalog.journal import Journal
from vitrail.indexer.catalog.merging import dead_within, replace_segments
from vitrail.indexer.catalog.roots import read_settings
from vitrail.indexer.catalog.schema import FORMAT
from vitrail.indexer.catalog.state import State, last_time, live_segments
from vitrail.indexer.collection.current_indexes import (
    CurrentIndexes,
    count_left,
    is_of,
    revived_since,
)
from vitrail.indexer.collection.readings import Readings
from vitrail.indexer.errors import CancelledError, CollectionError, UnreadableError
from vitrail.indexer.files.durability import is_full, set_aside
from vitrail.indexer.files.reading import reading
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.segments.segment_file import (
    Segment,
    SegmentHeader,
    merge_tables,
    read_header,
    write_segment,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_log = logging.getLogger("vitrail")

SMALL_BYTES = 32 << 20  # segments from this size on are left alone
MERGED_BYTES = 128 << 20  # what a merge may read, so that it fits in memory
MERGE_COUNT = 8  # neighbours it takes for a merge to pay
FOLD_BYTES = 8 << 20  # of the journal, from which on copies of the tables pay
_FOLD_SHARE = 0.5  # of the last copies' size, likewise
TIDY_IMAGES = 32_768  # without a saved index, from which on a running writer tidies


def grace_days(connection: DuckDBPyConnection) -> float:
    """How many days images wait for their files to come back in this collection."""
    return float(read_settings(connection).get("grace_days", GRACE_DAYS))


def give_up_overdue(catalog: Catalog) -> int:
    """Forget the images that have waited for longer than the grace period; how many."""
    with catalog.reading() as connection:
        days = grace_days(connection)
        if not overdue(connection, days):
            return 0
    with catalog.writing("give up") as transaction:
        return give_up(transaction, days)


def merge_small_segments(catalog: Catalog, folder: str, fingerprint: Fingerprint) -> int:
    """Merge runs of small neighbouring segments, leaving deleted images out.

    Returns:
        how many merges were done.

    Raises:
        CollectionError: a segment is damaged, or the disk is full.
    """
    with catalog.reading() as connection:
        groups = merge_groups(live_segments(connection))
    for group in groups:
        merge_segments(catalog, folder, fingerprint, group)
    return len(groups)


def merge_groups(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Runs of segments (given by smallest id) that are worth merging."""
    groups: list[list[Segment]] = [[]]
    for segment in segments:
        size = sum(member.bytes for member in groups[-1])
        if segment.bytes >= SMALL_BYTES or size + segment.bytes > MERGED_BYTES:
            groups.append([])
        if segment.bytes < SMALL_BYTES:
            groups[-1].append(segment)
    return [group for group in groups if len(group) >= MERGE_COUNT]


def merge_segments(
    catalog: Catalog, folder: str, fingerprint: Fingerprint, group: Sequence[Segment]
) -> None:
    """Write one segment in place of several neighbours, and drop their deleted images for good.

    Those that wait to come back stay. The old files stay for a while (``segments.leftovers``):
    readers of the old list need them.

    Raises:
        CollectionError: a segment is damaged, missing or cannot be read now, or the disk is full.
    """
    names = [segment.name for segment in group]
    with catalog.preparing() as prepared:
        low, high = min(s.min_id for s in group), max(s.max_id for s in group)
        deleted = dead_within(prepared.connection, low, high)
    table, dropped = merge_tables(folder, group, deleted)
    merged = None
    if table.num_rows:
        header = SegmentHeader(fingerprint, FORMAT, prepared.seq, _replaces(folder, names))
        merged = write_segment(folder, table, header)
    with catalog.writing("merge", seq=prepared.seq) as transaction:
        replace_segments(transaction, names, merged, dropped.tolist())


def _replaces(folder: str, names: Sequence[str]) -> tuple[str, ...]:
    """The merged segments, and those whose files still lie there that were merged into them."""
    earlier = [old for n in names for old in read_header(os.path.join(folder, n)).replaces]
    return (*names, *(old for old in earlier if os.path.exists(os.path.join(folder, old))))


def is_overdue(indexes: CurrentIndexes, state: State) -> bool:
    """Whether a run of days should tidy before it ends, lest a kill leave it to every reader.

    That is once half of the images are in no saved index, which keeps the cost in proportion.
    """
    held = [indexes.files(space, state).coverage() for space in state.spaces]
    covered = min((one.rows if one else 0 for one in held), default=0)
    return state.images - covered >= max(TIDY_IMAGES, state.images // 2)


def drop_foreign_indexes(indexes: CurrentIndexes, readings: Readings) -> None:
    """Delete index files of commits that the catalog does not have, before it goes on.

    An index is saved after its commit. Where the catalog was put back as it was earlier, and the
    indexes were not, commits to come get the same numbers, and their images the same ids. So they
    have in a copy of the collection that went on by itself.

    Args:
        indexes: the collection's.
        readings: of the newest commit.

    Raises:
        OSError: the disk refuses.
    """
    state = readings.state
    for space in state.spaces:
        files = indexes.files(space, state)
        held = files.coverage()
        if held is None:
            continue
        if held.seq > state.seq or not is_of(readings, held.seq, held.commit):
            files.remove(files.generations())


def save_indexes(indexes: CurrentIndexes, readings: Readings, building: Building) -> bool:
    """Write new index files for the spaces where enough has changed; whether that could be done.

    Args:
        indexes: the collection's.
        readings: of the newest commit.
        building: that they are part of.

    Raises:
        CollectionError: a segment is missing, damaged, or cannot be read now.
    """
    state, could = readings.state, True
    for space in state.spaces:
        if is_lost(indexes, space, state):
            could = False
        elif indexes.files(space, state).worth_saving(
            state.images,
            state.segments,
            lambda seq: count_left(readings, seq),
            lambda seq: len(revived_since(readings, seq)),
        ):
            could = save_index(indexes, space, readings, building) and could
    return could


def is_lost(indexes: CurrentIndexes, space: str, state: State) -> bool:
    """Whether a derived space cannot be worked out, which keeps no other one from being saved."""
    derivation = indexes.files(space, state).derivation
    if derivation is None:
        return False
    try:
        derivation.transform()
    except CollectionError as error:
        _log.warning("the index of %s could not be saved: %s", space, error)
        return True
    return False


def save_index(
    indexes: CurrentIndexes, space: str, readings: Readings, building: Building | None = None
) -> bool:
    """Write a space's index, which is a cache: where that fails, the log says so.

    Whoever opens the collection adds what the older file lacks, and the next writer tries again.

    Args:
        indexes: the collection's.
        space: whose index.
        readings: of the newest commit.
        building: that it is part of; once it was ended, it is only noted that this one is lacking.

    Returns:
        whether it was written.

    Raises:
        CollectionError: a segment is missing, damaged, or cannot be read now.
    """
    building = building or Building()
    state = readings.state
    files = indexes.files(space, state)
    if building.unbuilt:
        building.unbuilt.append(space)
        return False
    step = building.of(space)
    try:
        loaded = indexes.get(space, readings, on_step=step)
    except CancelledError:
        building.unbuilt.append(space)
        return False
    try:
        indexes.keep(space, state, files.save(loaded, step))
    except CancelledError:
        building.unbuilt.append(space)
        return False
    except Exception as error:
        if not isinstance(error, OSError | UnreadableError) and not is_full(error):
            raise
        _log.warning(
            "the index of %s could not be saved (%s), and is caught up at each opening until one "
            "can be: make room in %s, or let it be written",
            files.space,
            os.strerror(errno.ENOSPC) if is_full(error) else error,
            files.folder,
        )
        return False
    return True


def fold_journal(catalog: Catalog, directory: str, seq: int) -> None:
    """Copy the tables where it pays, which keeps the journal in proportion.

    Args:
        catalog: the collection's.
        directory: the collection's.
        seq: number of the catalog's last commit.

    Raises:
        OSError: the disk is full or refuses.
    """
    folder = os.path.join(directory, table_copies.FOLDER)
    held = max(table_copies.newest_seq(folder), 0)
    size = Journal(os.path.join(directory, journal.FOLDER)).size(held)
    if size > FOLD_BYTES and size > _FOLD_SHARE * table_copies.size(folder):
        copy_tables(catalog, directory, seq)


def secure(catalog: Catalog, directory: str, seq: int) -> None:
    """Copy the tables where the catalog is all that knows what it knows.

    So it is with collections from before there was a journal, and where files of it were damaged.

    Raises:
        DamagedError: the journal knows of commits that the catalog does not have.
        OSError: the disk is full or refuses.
    """
    check_in_step(directory, seq)
    held = max(table_copies.newest_seq(os.path.join(directory, table_copies.FOLDER)), 0)
    if not Journal(os.path.join(directory, journal.FOLDER)).follows(held, seq):
        copy_tables(catalog, directory, seq)


def set_strays_aside(directory: str, readings: Readings) -> None:
    """Rename journal files of commits that the collection never had, and say so in the log.

    Left where they are they would be taken for its own once its commits have their numbers.

    Args:
        directory: the collection's.
        readings: of the catalog's last commit.

    Raises:
        UnreadableError: one cannot be read now.
        OSError: the disk refuses.
    """
    folder = os.path.join(directory, journal.FOLDER)
    with readings.reading() as connection:
        at = last_time(connection)
    with reading(folder):
        strays = Journal(folder).strays(readings.state.seq, at)
    for name in strays:
        aside = os.path.basename(set_aside(os.path.join(folder, name)))
        _log.warning(
            "%s tells of commits that this collection never had, and is another one's: it is left "
            "alone as %s",
            os.path.join(folder, name),
            aside,
        )


def check_in_step(directory: str, seq: int) -> None:
    """Refuse a catalog that is older than its journal, such as one that was copied back.

    A record of the next commit alone is no sign of that: it is done again (``Catalog.catch_up``).

    Raises:
        DamagedError: so it is.
    """
    folder = os.path.join(directory, journal.FOLDER)
    with reading(folder):
        known = Journal(folder).known(seq)
    if known > seq + 1:
        raise journal.behind(directory, seq, known)


def copy_tables(catalog: Catalog, directory: str, seq: int) -> None:
    """Copy what no segment holds as of commit ``seq``, the last one, and begin a new journal.

    Raises:
        OSError: the disk is full or refuses.
    """
    folder = os.path.join(directory, table_copies.FOLDER)
    table_copies.write_copies(catalog, folder, seq)
    if catalog.journal is not None:
        catalog.journal.cut(seq, kept=table_copies.oldest_seq(folder))
