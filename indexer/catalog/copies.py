"""What is known of the catalog outside of it: the newest snapshot, and the journal after it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrail.indexer.catalog import journal, snapshots
from vitrail.indexer.catalog.journal import Journal
from vitrail.indexer.catalog.replay import replay
from vitrail.indexer.catalog.schema import drop_needless_bytes
from vitrail.indexer.catalog.snapshots import Snapshot

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Copies:
    """Copies of what no segment holds.

    Attributes:
        journal: the journal.
        snapshot: the newest usable one; ``None`` for a collection that never needed one.
        base: the commit it holds; 0 without one.
        seq: the last commit that the journal then tells of, from ``base`` on without a gap.
        followed: whether the journal goes on from ``base``: every later commit is in it then.
        damaged: journal files of which more was written than can be read.
        torn: whether the journal ends in a record that is not whole.
    """

    journal: Journal
    snapshot: Snapshot | None
    base: int
    seq: int
    followed: bool
    damaged: tuple[str, ...]
    torn: bool

    def restore(self, connection: DuckDBPyConnection) -> None:
        """Fill an empty catalog's tables with all that is known."""
        if self.snapshot is not None:
            snapshots.restore(connection, self.snapshot)
            drop_needless_bytes(connection)  # it may be of an older format
        for content in self.journal.changes(self.base):
            replay(connection, content)


def find_copies(directory: str) -> Copies:
    """Look at a collection's snapshots and journal.

    Raises:
        OSError: a file cannot be read now.
        NewerFormatError: a newer version wrote it.
    """
    snapshot = snapshots.newest(os.path.join(directory, snapshots.FOLDER))
    base = snapshot.seq if snapshot else 0
    found = Journal(os.path.join(directory, journal.FOLDER))
    extents = found.extents()
    return Copies(
        journal=found,
        snapshot=snapshot,
        base=base,
        seq=found.reaches(base),
        followed=found.follows(base, base),
        damaged=tuple(extent.name for extent in extents if extent.damaged),
        torn=bool(extents) and extents[-1].torn,
    )
