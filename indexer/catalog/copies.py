"""What is known of the catalog outside of it: copies of its tables, and the journal after them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrail.indexer.catalog import journal, table_copies
from vitrail.indexer.catalog.journal import Journal
from vitrail.indexer.catalog.replay import replay
from vitrail.indexer.catalog.schema import drop_needless_bytes
from vitrail.indexer.catalog.table_copies import TableCopies

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Copies:
    """Copies of what no segment holds.

    Attributes:
        journal: the journal.
        tables: the newest usable one; ``None`` for a collection that never needed one.
        base: the commit it holds; 0 without one.
        seq: the last commit that the journal then tells of, from ``base`` on without a gap.
        followed: whether the journal goes on from ``base``: every later commit is in it then.
        known: the last commit that any file of the journal tells of, after a gap too.
        damaged: journal files of which more was written than can be read.
        torn: whether the journal ends in a record that is not whole.
    """

    journal: Journal
    tables: TableCopies | None
    base: int
    seq: int
    followed: bool
    known: int
    damaged: tuple[str, ...]
    torn: bool

    def listed(self) -> set[str]:
        """Names of the segments that count as of the last commit that they tell of."""
        names: set[str] = set()
        if self.tables is not None:
            import pyarrow.parquet as pq

            held = pq.read_table(self.tables.files["segments"], columns=["name"])
            names.update(held["name"].to_pylist())
        for content in self.journal.changes(self.base):
            for change in content["changes"]:
                if change["table"] == "segments":
                    told = change["columns"]["name"]
                    told = [told["all"]] if isinstance(told, dict) else told
                    names = names.difference(told) if change["do"] == "drop" else names.union(told)
        return names

    def restore(self, connection: DuckDBPyConnection) -> None:
        """Fill an empty catalog's tables with all that is known."""
        if self.tables is not None:
            table_copies.restore(connection, self.tables)
            drop_needless_bytes(connection)  # it may be of an older format
        for content in self.journal.changes(self.base):
            replay(connection, content)


def find_copies(directory: str) -> Copies:
    """Look at a collection's copies of tables and its journal.

    Raises:
        OSError: a file cannot be read now.
        NewerFormatError: a newer version wrote it.
    """
    tables = table_copies.newest(os.path.join(directory, table_copies.FOLDER))
    base = tables.seq if tables else 0
    found = Journal(os.path.join(directory, journal.FOLDER))
    extents = found.extents()
    return Copies(
        journal=found,
        tables=tables,
        base=base,
        seq=found.reaches(base),
        followed=found.follows(base, base),
        known=max((extent.seq for extent in extents), default=0),
        damaged=tuple(extent.name for extent in extents if extent.damaged),
        torn=bool(extents) and extents[-1].torn,
    )
