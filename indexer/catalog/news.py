"""What was committed since a reader's commit: the journal's records, and rows of new images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.catalog.journal import Journal
from vitrail.indexer.catalog.journal_tail import Place, UntoldError, read_on
from vitrail.indexer.catalog.schema import FORMAT, TABLES
from vitrail.indexer.catalog.state import last_seq, last_time, read_format

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit, told from another one of the same number by when it was.

    Attributes:
        seq: its number; 0 is that before the first.
        at: when it was; ``None`` before the first.
        kind: what was done; likewise.
    """

    seq: int
    at: datetime | None
    kind: str | None

    @property
    def mark(self) -> str:
        """When it was and what, in a text."""
        return f"{self.at} {self.kind}"


@dataclass(frozen=True, slots=True)
class Known:
    """What a reader knows.

    Attributes:
        incarnation: of the catalog.
        commit: the newest that it has.
        place: where the journal goes on after it; ``None`` where that is not known.
        own: names and SQL types of the columns of the table of annotations, in order.
        segments: names of the live segments.
        ids: the ids of its images from one to another: (n,) int64, ascending.
    """

    incarnation: str
    commit: Commit
    place: Place | None
    own: tuple[tuple[str, str], ...]
    segments: frozenset[str]
    ids: Callable[[int, int], Ids]


@dataclass(frozen=True, slots=True)
class News:
    """What makes the catalog's newest commit of a known one.

    Attributes:
        seq: the newest commit.
        told: what the journal's records say, line by line.
        meta: all rows of the table ``meta``, which the journal passes by.
        new: ids of the images that came, (n,) int64, ascending; no record holds their rows.
        rows: the rows of ``images`` and ``predictions`` that these have.
        counts: how many rows each table has.
        place: where the journal goes on.
    """

    seq: int
    told: Sequence[Mapping[str, Any]]
    meta: Sequence[tuple[str, str]]
    new: Ids
    rows: Mapping[str, pa.Table]
    counts: Mapping[str, int]
    place: Place


def read_news(
    connection: DuckDBPyConnection, path: str, journal: Journal | None, known: Known
) -> News | None:
    """What was committed since a known commit; ``None`` where nothing was.

    Args:
        connection: to the catalog's file, which no writer can change meanwhile.
        path: of that file.
        journal: the collection's, or ``None`` for a catalog without.
        known: what the reader knows.

    Raises:
        UntoldError: the journal does not tell, or the reader's commit is none of this catalog's:
            all has to be read anew.
        NewerFormatError: the catalog's format is newer than this version.
        DamagedError: the journal knows of later commits than the catalog.
    """
    version = read_format(connection, path)
    meta = connection.execute("SELECT key, value FROM meta").fetchall()
    if dict(meta).get("incarnation") != known.incarnation:
        raise UntoldError("another catalog")
    seq = last_seq(connection)
    pending = _pending(journal, seq, last_time(connection))
    if pending:
        if seq + 1 == known.commit.seq and _commit_of(pending) == known.commit:
            return None
        raise UntoldError("the last commit is in the journal alone")
    if read_commit(connection, known.commit.seq) != known.commit:
        raise UntoldError("another history")
    if seq == known.commit.seq:
        return None
    if version < FORMAT or journal is None or known.place is None:
        raise UntoldError("no journal")
    if own_columns(connection) != known.own:
        raise UntoldError("other columns of the user's own")
    told, place = read_on(journal.folder, known.place, seq)
    new = _new_ids(connection, told, known)
    return News(seq, told, meta, new, _rows_of(connection, new), count_rows(connection), place)


def read_commit(connection: DuckDBPyConnection, seq: int) -> Commit | None:
    """A commit of the catalog by its number; ``None`` if there is no such one."""
    if not seq:
        return Commit(0, None, None)
    rows = connection.execute('SELECT "at", kind FROM commits WHERE seq = ?', [seq]).fetchall()
    return Commit(seq, *rows[0]) if len(rows) == 1 else None


def own_columns(connection: DuckDBPyConnection) -> tuple[tuple[str, str], ...]:
    """Names and SQL types of the columns of the table of annotations, in order."""
    found = connection.execute("PRAGMA table_info('annotations')").fetchall()
    return tuple((row[1], row[2]) for row in found)


def _pending(journal: Journal | None, seq: int, at: datetime | None) -> list[dict[str, Any]]:
    with suppress(OSError):
        return [] if journal is None else journal.pending(seq, at)
    return []


def _commit_of(told: Sequence[Mapping[str, Any]]) -> Commit | None:
    """The commit that a record is of, as its own row says."""
    for change in _changes(told, "commits"):
        columns = change["columns"]
        return Commit(
            columns["seq"][0], datetime.fromisoformat(columns["at"][0]), columns["kind"][0]
        )
    return None


def _changes(told: Sequence[Mapping[str, Any]], table: str) -> Iterator[Mapping[str, Any]]:
    for content in told:
        for change in content["changes"]:
            if change["table"] == table and change["do"] != "drop":
                yield change


def _new_ids(
    connection: DuckDBPyConnection, told: Sequence[Mapping[str, Any]], known: Known
) -> Ids:
    """Ids of the images that segments of these commits brought, and that are still there."""
    found = [np.empty(0, np.int64)]
    for change in _changes(told, "segments"):
        columns = {name: _all(values) for name, values in change["columns"].items()}
        for name, low, high in zip(
            columns["name"], columns["min_id"], columns["max_id"], strict=True
        ):
            if name not in known.segments:
                there = connection.execute(
                    "SELECT id FROM images WHERE id BETWEEN ? AND ? ORDER BY id", [low, high]
                ).fetchnumpy()["id"]
                here = known.ids(low, high)
                found.append(np.setdiff1d(np.ma.getdata(there), here, assume_unique=True))
    return np.unique(np.concatenate(found))


def _all(values: Any) -> list[Any]:
    return [values["all"]] * values["rows"] if isinstance(values, dict) else list(values)


def _rows_of(connection: DuckDBPyConnection, new: Ids) -> dict[str, pa.Table]:
    """Rows of images and predictions by image id, found within the bounds of the ids."""
    if not len(new):
        return {}
    # As a parameter: a hundred thousand that the statement names take DuckDB seconds to read, for
    # which writers wait.
    return {
        table: connection.sql(
            f"SELECT * FROM {table} WHERE {key} BETWEEN ? AND ? "
            f"AND {key} IN (SELECT unnest(?::BIGINT[]))",
            params=[int(new[0]), int(new[-1]), new.tolist()],
        ).to_arrow_table()
        for table, key in (("images", "id"), ("predictions", "image_id"))
    }


def count_rows(connection: DuckDBPyConnection) -> dict[str, int]:
    """How many rows each of the catalog's tables has."""
    # Ten counts in one row would be ten joins, and take ten times as long.
    counts = " UNION ALL ".join(f"SELECT '{table}', count(*) FROM {table}" for table in TABLES)
    return dict(connection.execute(counts).fetchall())
