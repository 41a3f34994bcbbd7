"""Looking after a collection: what it holds, what is taken out, checked, mended, carried away.

What only reads takes an open ``CollectionStore``. What writes takes the directory, is the one
writer while it runs, and is seen by whoever holds the collection open after a refresh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vitrail.indexer.catalog.annotations import AnnotationReport
    from vitrail.indexer.collection.answering import Answering
    from vitrail.indexer.collection.collection_info import CollectionInfo
    from vitrail.indexer.collection.findings import Report
    from vitrail.indexer.collection.losses import Accept
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.indexer.collection.tidying import Tidied
    from vitrail.indexer.collection.transfer import Imported
    from vitrail.indexer.records import RejectRecord


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair did.

    Attributes:
        actions: one line each, naming the file.
        reopen: paths whose images were lost with a damaged segment; indexing their folders embeds
            them again.
        report: what ``verify`` finds afterwards; ``None`` where nothing is left to look at.
    """

    actions: tuple[str, ...]
    reopen: tuple[str, ...]
    report: Report | None


def describe(store: CollectionStore) -> CollectionInfo:
    """Counts, spaces, encoder, folders, sizes on disk in bytes and index kinds."""
    return store.info()


def list_rejects(store: Answering) -> tuple[RejectRecord, ...]:
    """Files that could not be indexed, by path."""
    return tuple(store.rejects())


def annotate(directory: Path, table: Path, numbers: Sequence[str] = ()) -> AnnotationReport:
    """Join the columns of a CSV, TSV or Parquet file to images by its ``path`` column.

    Args:
        directory: of the collection.
        table: the file.
        numbers: columns of a CSV file whose cells that are no numbers shall be left empty.

    Raises:
        InputError: it cannot be read, has no ``path`` column, or one that no image can have.
        CollectionLockedError: another process is writing.
        CollectionError: there is no collection, or the disk is full.
    """
    from vitrail.indexer.collection.store import CollectionStore

    with CollectionStore.open(directory, writable=True) as store:
        return store.annotate(str(table), numbers=numbers)


def tidy(directory: Path, *, now: bool = False, grace_days: float | None = None) -> Tidied:
    """Give up images that waited too long, and give room back.

    Args:
        directory: of the collection.
        now: give up all that wait, and leave nothing of what left.
        grace_days: from now on, how long images wait; ``None`` as it is.

    Raises:
        InputError: the days are out of reason.
        CollectionLockedError: another process is writing.
        CollectionError: there is no collection, a segment is damaged, or the disk is full.
    """
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.indexer.collection.tidying import set_grace
    from vitrail.indexer.collection.tidying import tidy as clear

    with CollectionStore.open(directory, writable=True) as store:
        if grace_days is not None:
            set_grace(store, grace_days)
        return clear(store, now=now)


def verify(directory: Path) -> Report:
    """Hold segments against catalog, indexes and the files on disk; changes nothing.

    Raises:
        CollectionError: there is no collection.
    """
    from vitrail.indexer.collection.verification import verify as check

    return check(str(directory))


def repair(
    directory: Path, *, accept: Accept | None = None, segments_lost: bool = False
) -> Repaired:
    """Mend what ``verify`` finds; nothing damaged is deleted, only set aside.

    Args:
        directory: of the collection.
        accept: asked whether what nothing can replace may be given up; without, it may not.
        segments_lost: the segments are lost for good, and not on a disk that is not mounted.

    Raises:
        UnreadableError: something cannot be read now; nothing is changed.
        DamagedError: what nothing can replace would be lost, and was not accepted.
        CollectionLockedError: another process is writing.
    """
    from vitrail.indexer.collection.repairs import repair as mend

    done = mend(str(directory), accept=accept, segments_lost=segments_lost)
    return Repaired(tuple(done.actions), tuple(done.reopen), done.report)


def export(store: CollectionStore, file: Path, where: str | None = None) -> int:
    """Write everything, or the images that pass a filter, to one file; returns how many.

    Args:
        store: of the collection.
        file: ``.parquet``, ``.csv`` or ``.jsonl``; must not exist yet.
        where: the filter.

    Raises:
        InputError: the file exists, cannot be written or has another ending.
        FilterError: the filter is unusable.
        CollectionError: a segment is damaged, or the disk is full.
    """
    from vitrail.indexer.collection.transfer import export as write

    return write(store, file, where)


def import_exported(directory: Path, file: Path) -> Imported:
    """Read back what ``export`` wrote to Parquet, into a new collection or one of the same encoder.

    Args:
        directory: of the collection; begun where there is none.
        file: that export wrote.

    Raises:
        InputError: it is no such file; nothing is changed then.
        FingerprintMismatchError: its vectors are of another encoder.
        CollectionLockedError: another process is writing.
        CollectionError: the disk is full.
    """
    from vitrail.indexer.collection.layout import is_collection
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.indexer.collection.transfer import check_exported, import_into

    new = not is_collection(str(directory))
    if new:
        CollectionStore.create(directory, check_exported(file)).close()
    with CollectionStore.open(directory, writable=True) as store:
        return import_into(store, file, checked=new)
