"""Copies of the catalog's tables, which spare the journal from growing for ever."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrail.indexer.files.durability import TEMPORARY, checksum, rename, sync_file, write_text
from vitrail.indexer.files.reading import read_bytes
from vitrail.indexer.paths import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from vitrail.indexer.catalog.catalog import Catalog

FOLDER = "snapshots"
_FIRST_TABLES = ("files", "rejects", "deletions", "annotations", "segments")
# What segments hold too is read again from files, and classified, later than they are written.
_THIRD_TABLES = (*_FIRST_TABLES, "commits", "revivals", "roots", "images", "predictions")
_FOURTH_TABLES = (*_THIRD_TABLES, "reservations")
_FIFTH_TABLES = (*_FOURTH_TABLES, "derived_spaces", "default_weights")
COPIED = (*_FIFTH_TABLES, "decisions")
# By format; an older one's images lack columns that follow from the segments.
_TABLES_OF = {
    1: (*_FIRST_TABLES, "commits"),
    2: (*_FIRST_TABLES, "commits"),
    3: _THIRD_TABLES,
    4: _FOURTH_TABLES,
    5: _FIFTH_TABLES,
}
_NAME = re.compile(r"[0-9]{16}")
_MANIFEST = "manifest.json"
_KEPT = 2  # the newest, and the one before in case it is damaged


@dataclass(frozen=True, slots=True)
class TableCopies:
    """Copies of one commit: its number and the Parquet file of each table."""

    seq: int
    files: Mapping[str, str]


def write_copies(catalog: Catalog, directory: str, seq: int) -> None:
    """Copy what no segment holds as of commit ``seq``, durably; older copies go.

    Raises:
        OSError: the disk is full or refuses.
    """
    final = os.path.join(directory, f"{seq:016d}")
    if os.path.isdir(final):
        return
    temporary = final + TEMPORARY
    shutil.rmtree(temporary, ignore_errors=True)
    os.makedirs(temporary)
    tables = _TABLES_OF.get(catalog.format(), COPIED)
    paths = {table: os.path.join(temporary, f"{table}.parquet") for table in tables}
    catalog.export(paths)
    for path in paths.values():
        sync_file(path)
    sums = {table: checksum(path) for table, path in paths.items()}
    manifest = {"seq": seq, "checksums": sums}
    write_text(os.path.join(temporary, _MANIFEST), json.dumps(manifest))
    rename(temporary, final)
    for name in sorted(names(directory))[:-_KEPT]:
        shutil.rmtree(os.path.join(directory, name), ignore_errors=True)


def move_newest(source: str, target: str) -> None:
    """Give the newest copies of one collection to another, whose own ones go.

    Raises:
        OSError: the disk refuses.
    """
    newest_name = max(names(source))
    rename(os.path.join(source, newest_name), os.path.join(target, newest_name))
    for name in names(target):
        if name != newest_name:
            shutil.rmtree(os.path.join(target, name), ignore_errors=True)


def size(directory: str) -> int:
    """Bytes of the newest copies; 0 without any."""
    last = max(names(directory), default=None)
    if last is None:
        return 0
    return sum(entry.stat().st_size for entry in os.scandir(os.path.join(directory, last)))


def oldest_seq(directory: str) -> int:
    """Commit number of the oldest copies that are kept; 0 without any."""
    return min((int(n) for n in names(directory)), default=0)


def newest_seq(directory: str) -> int:
    """Commit number of the newest copies; -1 without any."""
    return max((int(n) for n in names(directory)), default=-1)


def newest(directory: str) -> TableCopies | None:
    """The newest undamaged copies, or ``None``."""
    for name in sorted(names(directory), reverse=True):
        try:
            return read_copies(os.path.join(directory, name))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def read_copies(folder: str) -> TableCopies:
    """The copies of one commit, compared with their checksums.

    Raises:
        OSError: it cannot be read.
        ValueError, KeyError, TypeError: it is damaged.
    """
    manifest = json.loads(read_bytes(os.path.join(folder, _MANIFEST)))
    # An older format had fewer tables.
    sums = {table: manifest["checksums"][table] for table in _FIRST_TABLES}
    sums |= {t: s for t, s in manifest["checksums"].items() if t in COPIED}
    files = {table: os.path.join(folder, f"{table}.parquet") for table in sums}
    for table, known in sums.items():
        if checksum(files[table]) != known:
            raise ValueError(f"its table {table} fails its checksum")
    if int(manifest["seq"]) != int(os.path.basename(folder)):
        raise ValueError("its manifest is of another commit")
    return TableCopies(int(manifest["seq"]), files)


def restore(connection: DuckDBPyConnection, copies: TableCopies) -> None:
    """Fill an empty catalog's tables from copies."""
    for table, path in copies.files.items():
        if table == "annotations":  # its columns are the user's own
            connection.execute(
                "CREATE OR REPLACE TABLE annotations AS SELECT * FROM read_parquet(?)",
                [literal(path)],
            )
        else:
            connection.execute(
                f"INSERT INTO {table} BY NAME SELECT * FROM read_parquet(?)", [literal(path)]
            )


def names(directory: str) -> list[str]:
    """Names of the folders of copies that there are."""
    if not os.path.isdir(directory):
        return []
    return [name for name in os.listdir(directory) if _NAME.fullmatch(name)]
