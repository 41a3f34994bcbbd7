"""Whether the copies from which a lost catalog comes back are whole, while it is not lost."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from vitrail.indexer.catalog import journal, table_copies
from vitrail.indexer.catalog.journal import Journal
from vitrail.indexer.catalog.news import read_commit
from vitrail.indexer.catalog.state import last_time
from vitrail.indexer.collection.findings import Finding
from vitrail.indexer.collection.layout import MARK, read_mark
from vitrail.indexer.errors import CollectionError, UnreadableError
from vitrail.indexer.files.reading import exists, reading

if TYPE_CHECKING:
    from vitrail.indexer.collection.store import CollectionStore


def check_copies(collection: CollectionStore) -> Iterator[Finding]:
    """Compare table copies and journal with their checksums, and the mark with the catalog."""
    try:
        yield from _check_tables(collection)
        yield from _check_journal(collection)
        yield from _check_mark(collection)
    except UnreadableError as error:
        yield Finding("copy", "snapshots, journal", str(error), "unreadable")


def _check_tables(collection: CollectionStore) -> Iterator[Finding]:
    folder = os.path.join(collection.directory, table_copies.FOLDER)
    with reading(folder):
        found = table_copies.names(folder)
    for name in sorted(found):
        path = os.path.join(folder, name)
        try:
            with reading(path):
                copies = table_copies.read_copies(path)
                # Of an older one, from before all was embedded anew, commits have other times.
                foreign = name == max(found) and _is_foreign(collection, copies)
        except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
            if exists(path):  # otherwise a writer has just replaced it
                yield Finding("copy", os.path.join(table_copies.FOLDER, name), _line(error))
            continue
        if foreign:
            told = "they are of a copy of this collection that went on apart"
            yield Finding("copy", os.path.join(table_copies.FOLDER, name), told)


def _is_foreign(collection: CollectionStore, copies: table_copies.TableCopies) -> bool:
    """Whether the commit that copies are of was at another time than the catalog's."""
    import pyarrow.parquet as pq

    if "commits" not in copies.files:
        return False
    held = pq.read_table(copies.files["commits"], columns=["seq", "at"]).to_pylist()
    at = {row["seq"]: row["at"] for row in held}.get(copies.seq)
    with collection.reading() as connection:
        own = read_commit(connection, copies.seq)
    return own is not None and None not in (own.at, at) and own.at != at


def _check_journal(collection: CollectionStore) -> Iterator[Finding]:
    directory, seq = collection.directory, collection.state.seq
    folder = os.path.join(directory, journal.FOLDER)
    if not exists(folder):
        return  # a collection of before there was one; the next writer begins it
    with collection.reading() as connection:
        at = last_time(connection)
    with reading(folder):
        found = Journal(folder)
        extents = found.extents()
        damaged = [extent.name for extent in extents if extent.damaged]
        for name in damaged:
            told = "more was written to it than can be read"
            yield Finding("copy", os.path.join(journal.FOLDER, name), told)
        strays = found.strays(seq, at)
        for name in strays:
            told = "it tells of commits that this collection never had: it is another one's"
            yield Finding("copy", os.path.join(journal.FOLDER, name), told)
        held = max(table_copies.newest_seq(os.path.join(directory, table_copies.FOLDER)), 0)
        if extents and not damaged and not strays and not found.follows(held, seq):
            name = os.path.join(journal.FOLDER, extents[-1].name)
            yield Finding("copy", name, f"it does not tell of commit {seq}, which is the last one")


def _check_mark(collection: CollectionStore) -> Iterator[Finding]:
    try:
        if read_mark(collection.directory).to_json() != collection.fingerprint.to_json():
            yield Finding("copy", MARK, "it names another encoder than the catalog")
    except UnreadableError:
        raise
    except CollectionError:
        yield Finding("copy", MARK, "it is missing or damaged")


def _line(error: Exception) -> str:
    return str(error) if isinstance(error, ValueError) else "it is not whole"
