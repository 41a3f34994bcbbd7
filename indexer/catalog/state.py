"""What the catalog says about the collection at one commit."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from vitrail.indexer.catalog.derived import DerivedSpace, read_default_weights, read_derived
from vitrail.indexer.catalog.replaced import read_replaced
from vitrail.indexer.catalog.schema import DERIVING, FORMAT, RESERVING
from vitrail.indexer.errors import CollectionError, DamagedError, NewerFormatError
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.segments.segment_file import Segment

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class State:
    """What the catalog says about the collection at one commit.

    Attributes:
        format: number of the collection format.
        fingerprint: the encoder that all vectors come from.
        incarnation: changes when the catalog is rebuilt, so that index files of before are foreign.
        seq: number of the last commit.
        segments: live segments by smallest id.
        images: live images.
        deletions: number of deletion rows.
        created_at: ISO date and time (UTC).
        replaced: names of segments that merges replaced lately -> when, in seconds since 1970.
        reserved: tokens of ranges of ids that are given out -> until when, likewise.
        derived: spaces that are worked out from stored ones, by name.
        chosen_weights: what a search weighs where nothing is said, as it was chosen; perhaps none.
    """

    format: int
    fingerprint: Fingerprint
    incarnation: str
    seq: int
    segments: tuple[Segment, ...]
    images: int
    deletions: int
    created_at: str
    replaced: Mapping[str, float] = field(default_factory=dict)
    reserved: Mapping[str, float] = field(default_factory=dict)
    derived: tuple[DerivedSpace, ...] = ()
    chosen_weights: Mapping[str, float] = field(default_factory=dict)

    @property
    def spaces(self) -> dict[str, int]:
        """All spaces and their widths: stored ones in the encoder's order, then derived ones."""
        return dict(self.fingerprint.spaces) | {one.name: one.dim for one in self.derived}

    @property
    def vectors_digest(self) -> str:
        """Sha256 (hex) of all that decides the vectors of every space: encoder and transforms."""
        own = self.fingerprint.digest
        if not self.derived:
            return own
        text = ":".join([own, *(f"{one.name}={one.digest}" for one in self.derived)])
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def default_weights(self) -> dict[str, float]:
        """Shares of the spaces that a search weighs where nothing is said; they sum to 1.

        What was chosen, as long as the collection has those spaces; else all stored ones, equally.
        """
        chosen = dict(self.chosen_weights)
        if not chosen or chosen.keys() - self.spaces.keys():
            chosen = dict.fromkeys(dict(self.fingerprint.spaces), 1.0)
        total = sum(chosen.values())
        return {space: weight / total for space, weight in chosen.items()}


def last_seq(connection: DuckDBPyConnection, database: str | None = None) -> int:
    """Number of the last commit; 0 before the first.

    Args:
        connection: to the catalog.
        database: its name, where it is not the one that the connection uses.
    """
    table = "commits" if database is None else f"{database}.commits"
    # Fetched to the end: an unfinished result would keep the connection from other work.
    return int(connection.execute(f"SELECT coalesce(max(seq), 0) FROM {table}").fetchall()[0][0])


def last_time(connection: DuckDBPyConnection, database: str | None = None) -> datetime | None:
    """When the last commit was; ``None`` where its record does not say so.

    Args:
        connection: to the catalog.
        database: as of ``last_seq``.
    """
    table = "commits" if database is None else f"{database}.commits"
    rows = connection.execute(
        f'SELECT "at", kind FROM {table} ORDER BY seq DESC LIMIT 1'
    ).fetchall()
    # Neither kind is of a commit that was made: they let numbers go on.
    return next((at for at, kind in rows if kind not in ("carried", "lost")), None)


def read_state(connection: DuckDBPyConnection, path: str) -> State:
    """Read what every open needs.

    Raises:
        CollectionError: the format is newer than this version.
        DamagedError: it does not tell the encoder.
    """
    version = read_format(connection, path)
    meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
    counts = connection.execute(
        "SELECT (SELECT count(*) FROM images) - "
        "(SELECT count(*) FROM images SEMI JOIN deletions ON id = image_id), "
        "(SELECT count(*) FROM deletions)"
    ).fetchone()
    assert counts is not None
    return State(
        format=version,
        fingerprint=_fingerprint(meta.get("fingerprint", "null"), path),
        incarnation=meta["incarnation"],
        seq=last_seq(connection),
        segments=live_segments(connection),
        images=int(counts[0]),
        deletions=int(counts[1]),
        created_at=meta["created_at"],
        replaced=read_replaced(connection),
        reserved=_reserved(connection) if version >= RESERVING else {},
        derived=read_derived(connection) if version >= DERIVING else (),
        chosen_weights=read_default_weights(connection) if version >= DERIVING else {},
    )


def _reserved(connection: DuckDBPyConnection) -> dict[str, float]:
    rows = connection.execute("SELECT token, until FROM reservations WHERE open").fetchall()
    return dict(rows)


def _fingerprint(text: str, path: str) -> Fingerprint:
    try:
        return Fingerprint.from_json(text)
    except ValueError as error:
        raise DamagedError(
            f"the catalog {path} tells no encoder ({error})", remedy="run `vitrail verify --repair`"
        ) from error


def live_segments(connection: DuckDBPyConnection) -> tuple[Segment, ...]:
    """The live segments by smallest id."""
    rows = connection.execute(
        "SELECT name, rows, bytes, checksum, min_id, max_id FROM segments ORDER BY min_id"
    ).fetchall()
    return tuple(Segment(*row) for row in rows)


def read_format(connection: DuckDBPyConnection, path: str) -> int:
    """The collection format's number.

    Raises:
        NewerFormatError: it is newer than this version.
        CollectionError: it is missing.
    """
    row = connection.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
    version = int(row[0]) if row else 0
    if version > FORMAT:
        raise NewerFormatError(
            f"{os.path.dirname(path)} has collection format {version}, but this version of "
            f"vitrail reads formats 1 to {FORMAT}; upgrade vitrail"
        )
    if version < 1:
        raise CollectionError(
            f"{path} names no collection format", remedy="run `vitrail verify --repair`"
        )
    return version
