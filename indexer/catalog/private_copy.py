"""The copying of the catalog's file for a reader, who then holds no lock and sees one commit."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog.attaching import WITHOUT_LOG, attach, never_checkpoint, seal
from vitrail.indexer.catalog.journal import Journal
from vitrail.indexer.catalog.journal_tail import Place, place_after
from vitrail.indexer.catalog.replica import Replica
from vitrail.indexer.catalog.schema import FORMAT, JOURNALLED, migrate
from vitrail.indexer.catalog.state import last_seq, last_time, read_format
from vitrail.indexer.errors import CollectionError
from vitrail.indexer.files.durability import is_full

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

IN_MEMORY = 4 << 20  # bytes of a catalog that DuckDB copies into memory as fast as a file is copied
MOST_IN_MEMORY = 32 << 20  # where there is no room for a file


@dataclass(frozen=True, slots=True)
class CopiedFile:
    """A catalog's file, copied while it was held.

    Attributes:
        path: of the catalog.
        private: the copy, in a folder of its own; ``None`` where it is in memory.
        changes: a commit that the journal knows and the catalog does not, to be done again.
        place: where the journal goes on; ``None`` where that is not known.
    """

    path: str
    private: str | None
    changes: Sequence[Mapping[str, Any]]
    place: Place | None

    def open(self, connection: DuckDBPyConnection, segments: str) -> Replica:
        """The copy, of today's format, closed to the outside.

        Args:
            connection: as it was given to ``copy_attached``.
            segments: the collection's folder of them.

        Raises:
            CollectionError: the catalog is of a newer format, or what the journal tells of is
                missing or damaged.
        """
        try:
            if self.private is not None:
                never_checkpoint(connection)
                connection.execute(attach(self.private, WITHOUT_LOG))
            database = "memory" if self.private is None else "disk"
            connection.execute(f"USE {database}")
            version = read_format(connection, self.path)
            if version < FORMAT:
                migrate(connection, version, lasting=False)
            if self.changes and version >= JOURNALLED:
                from vitrail.indexer.catalog.redoing import redo

                redo(connection, self.changes, segments)
        finally:
            self.discard()
        seal(connection)
        return Replica(connection, database, self.place)

    def discard(self) -> None:
        """Take the private file's name away; an open one can go at once, but not on Windows."""
        if self.private is not None:
            with suppress(OSError):
                shutil.rmtree(os.path.dirname(self.private))


def copy_attached(connection: DuckDBPyConnection, path: str, journal: Journal | None) -> CopiedFile:
    """Copy a catalog into memory, or a large one into a temporary file, and let go of it.

    Args:
        connection: to a memory of its own, with the catalog's file attached as ``disk``.
        path: that file.
        journal: the collection's; ``None`` for a catalog that is not in its place yet.

    Raises:
        CollectionError: there is no room for the copy.
    """
    changes = _pending(connection, journal)
    last = last_seq(connection, "disk") + bool(changes)
    place = None if journal is None else place_after(journal.folder, last)
    private = _file_if_large(path)
    if private is None:
        connection.execute("COPY FROM DATABASE disk TO memory")
    copied = CopiedFile(path, private, changes, place)
    try:
        connection.execute("DETACH disk")
    except BaseException:
        copied.discard()
        raise
    return copied


def _pending(connection: DuckDBPyConnection, journal: Journal | None) -> list[dict[str, Any]]:
    """What ``Catalog.catch_up`` would do, as far as a reader can see the journal."""
    if journal is None:
        return []
    with suppress(OSError):
        return journal.pending(last_seq(connection, "disk"), last_time(connection, "disk"))
    return []


def _file_if_large(path: str) -> str | None:
    """A copy in a file; ``None`` where memory does as well, or has to since no room is left."""
    size = os.path.getsize(path)
    if size <= IN_MEMORY:
        return None
    try:
        return _private_file(path)
    except _NoRoomError:
        if size > MOST_IN_MEMORY:
            raise
        return None


class _NoRoomError(CollectionError):
    """A file cannot be copied: the folder for temporary files is full, or there is none."""


def _private_file(path: str) -> str:
    try:
        folder = tempfile.mkdtemp(prefix="vitrail-")
    except OSError as error:
        raise _no_room(path) from error
    private = os.path.join(folder, os.path.basename(path))
    try:
        # The log first: closing any handle of the main file ends this process's lock on it.
        if os.path.exists(path + ".wal"):
            shutil.copyfile(path + ".wal", private + ".wal")
        shutil.copyfile(path, private)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if is_full(error):
            raise _no_room(path) from error
        raise
    return private


def _no_room(path: str) -> _NoRoomError:
    with suppress(OSError):
        return _NoRoomError(
            f"there is no room for a copy of the catalog in {tempfile.gettempdir()}: free "
            f"{os.path.getsize(path)} bytes there, or set TMPDIR to another folder"
        )
    return _NoRoomError("there is no folder for temporary files: set TMPDIR to one")
