"""Copies of the tables that no segment holds, from which a lost catalog is rebuilt."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from indexer.catalog.catalog import Catalog
from indexer.catalog.transaction import Transaction
from indexer.paths import literal
from indexer.store.durability import TEMPORARY, checksum, sync_directory, sync_file, write_text

FOLDER = "snapshots"
TABLES = ("files", "rejects", "deletions", "revivals", "roots", "annotations", "segments")
_FIRST_TABLES = ("files", "rejects", "deletions", "annotations", "segments")
_MANIFEST = "manifest.json"
_KEPT = 2  # the newest, and the one before in case it is damaged


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot: its commit number and the Parquet file of each table."""

    seq: int
    files: Mapping[str, str]


def write_snapshot(catalog: Catalog, directory: str, seq: int) -> None:
    """Copy the user's own tables as of commit ``seq``, durably; older copies go.

    Raises:
        OSError: the disk is full or refuses.
    """
    final = os.path.join(directory, f"{seq:016d}")
    if os.path.isdir(final):
        return
    temporary = final + TEMPORARY
    shutil.rmtree(temporary, ignore_errors=True)
    os.makedirs(temporary)
    paths = {table: os.path.join(temporary, f"{table}.parquet") for table in TABLES}
    catalog.export(paths)
    for path in paths.values():
        sync_file(path)
    sums = {table: checksum(path) for table, path in paths.items()}
    manifest = {"seq": seq, "checksums": sums}
    write_text(os.path.join(temporary, _MANIFEST), json.dumps(manifest))
    os.rename(temporary, final)
    sync_directory(directory)
    for name in sorted(os.listdir(directory))[:-_KEPT]:
        shutil.rmtree(os.path.join(directory, name), ignore_errors=True)


def last_seq(directory: str) -> int:
    """Commit number of the newest snapshot; -1 without one."""
    return max((int(n) for n in _names(directory)), default=-1)


def newest(directory: str) -> Snapshot | None:
    """The newest undamaged snapshot, or ``None``."""
    for name in sorted(_names(directory), reverse=True):
        folder = os.path.join(directory, name)
        try:
            with open(os.path.join(folder, _MANIFEST), encoding="utf-8") as file:
                manifest = json.load(file)
            # An older format had fewer tables.
            sums = {table: manifest["checksums"][table] for table in _FIRST_TABLES}
            sums |= {t: s for t, s in manifest["checksums"].items() if t in TABLES}
            files = {table: os.path.join(folder, f"{table}.parquet") for table in sums}
            if all(checksum(files[table]) == known for table, known in sums.items()):
                return Snapshot(int(manifest["seq"]), files)
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def restore(transaction: Transaction, snapshot: Snapshot) -> None:
    """Fill an empty catalog's tables from a snapshot; segments are listed by what is found."""
    for table, path in snapshot.files.items():
        if table == "annotations":  # its columns are the user's own
            transaction.run(
                "CREATE OR REPLACE TABLE annotations AS SELECT * FROM read_parquet(?)",
                [literal(path)],
            )
        elif table != "segments":
            transaction.run(
                f"INSERT INTO {table} BY NAME SELECT * FROM read_parquet(?)", [literal(path)]
            )


def segment_facts(transaction: Transaction, snapshot: Snapshot) -> tuple[dict[str, str], int]:
    """Segment name -> checksum as the catalog had it, and the largest image id of then."""
    rows = transaction.rows(
        "SELECT name, checksum, max_id FROM read_parquet(?)",
        [literal(snapshot.files["segments"])],
    )
    return {name: found for name, found, _ in rows}, max((row[2] for row in rows), default=0)


def _names(directory: str) -> list[str]:
    if not os.path.isdir(directory):
        return []
    return [name for name in os.listdir(directory) if name.isdigit()]
