"""The user's own columns, joined to images by path."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from indexer.catalog.columns import BUILT_IN, annotation_columns
from indexer.catalog.schema import quote
from indexer.catalog.transaction import Transaction
from indexer.errors import InputError

_KEY = "path"
_READERS = {".csv": "read_csv", ".tsv": "read_csv", ".txt": "read_csv", ".parquet": "read_parquet"}


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A row that named no image, or several: its number (from 1), its path as given, and why."""

    row: int
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class AnnotationReport:
    """What ``annotate`` did: columns set, rows that found their image, and those that did not."""

    columns: tuple[str, ...]
    matched: int
    unmatched: tuple[Unmatched, ...]


def read_rows(transaction: Transaction, path: str) -> dict[str, str]:
    """Load a CSV or Parquet file into the temporary table ``incoming``; its columns and SQL types.

    Raises:
        InputError: it cannot be read, lacks ``path``, or has a column that every collection has.
    """
    import duckdb

    reader = _READERS.get(os.path.splitext(path)[1].lower())
    if reader is None:
        raise InputError(f"{path!r} is not annotations: give a .csv, .tsv or .parquet file")
    if not os.path.isfile(path):
        raise InputError(f"there is no file {path!r} to annotate from")
    try:
        transaction.run(
            "CREATE OR REPLACE TEMP TABLE incoming AS "
            f"SELECT row_number() OVER () AS __row, * FROM {reader}(?)",
            [path],
        )
    except duckdb.Error as error:
        raise InputError(f"{path!r} cannot be read: {str(error).splitlines()[0]}") from error
    found = transaction.rows("PRAGMA table_info('incoming')")
    columns = {row[1]: row[2] for row in found if row[1] != "__row"}
    _check_columns(path, columns)
    return {name: kind for name, kind in columns.items() if name.lower() != _KEY}


def _check_columns(path: str, columns: Mapping[str, str]) -> None:
    names = [name.lower() for name in columns]
    if _KEY not in names:
        raise InputError(f"{path!r} has no column 'path'; it has {', '.join(columns)}")
    if len(names) < 2:
        raise InputError(f"{path!r} has only the column 'path'; add columns to annotate with")
    taken = [name for name in columns if name.lower() in _RESERVED and name.lower() != _KEY]
    if taken:
        raise InputError(
            f"{path!r} has the column {taken[0]!r}, which every collection has already; rename it"
        )


_RESERVED = {*BUILT_IN, "recipe", "missing", "predictions", "files", "row"}


def match_paths(
    wanted: Sequence[str | None], folder: str, known: Mapping[str, str]
) -> tuple[list[str | None], list[Unmatched]]:
    """Find each path's content.

    A path may be absolute, relative to ``folder``, or the last part or parts of exactly one
    indexed path.

    Args:
        wanted: paths as the user wrote them.
        folder: where the user's file is.
        known: indexed path -> content hash.

    Returns:
        a content hash for each, or ``None``; and the rows without, with the reason.
    """
    endings: dict[str, list[str]] = defaultdict(list)
    for path in known:
        endings[os.path.basename(path)].append(path)
    found: list[str | None] = []
    unmatched: list[Unmatched] = []
    for number, text in enumerate(wanted, 1):
        hashes = _candidates(text or "", folder, known, endings)
        found.append(next(iter(hashes)) if len(hashes) == 1 else None)
        if len(hashes) != 1:
            reason = f"names {len(hashes)} images" if hashes else "names no indexed image"
            unmatched.append(Unmatched(number, text or "", reason))
    return found, unmatched


def _candidates(
    text: str, folder: str, known: Mapping[str, str], endings: Mapping[str, list[str]]
) -> set[str]:
    if not text:
        return set()
    full = os.path.normpath(os.path.join(folder, os.path.expanduser(text)))
    if full in known:
        return {known[full]}
    tail = os.path.normpath(text)
    paths = endings.get(os.path.basename(tail), [])
    return {known[p] for p in paths if p == tail or p.endswith(os.sep + tail.lstrip(os.sep))}


def merge_rows(
    transaction: Transaction, hashes: Sequence[str | None], columns: Mapping[str, str]
) -> None:
    """Set the incoming columns of the images found; other columns and images stay as they are."""
    transaction.run(
        "CREATE OR REPLACE TEMP TABLE matched AS SELECT * FROM "
        "(SELECT unnest(?::VARCHAR[]) AS content_hash, unnest(?::BIGINT[]) AS __row) "
        "WHERE content_hash IS NOT NULL "
        "QUALIFY row_number() OVER (PARTITION BY content_hash ORDER BY __row DESC) = 1",
        [list(hashes), list(range(1, len(hashes) + 1))],
    )
    chosen = _chosen(annotation_columns(transaction.connection), columns)
    transaction.run(
        "CREATE OR REPLACE TEMP TABLE merged AS "
        f"SELECT coalesce(n.content_hash, o.content_hash) AS content_hash, {', '.join(chosen)} "
        "FROM annotations o "
        "FULL JOIN (SELECT * FROM matched JOIN incoming USING (__row)) n "
        "ON n.content_hash = o.content_hash"
    )
    transaction.replace_annotations("merged", changed="matched")
    for table in ("matched", "incoming", "merged"):
        transaction.run(f"DROP TABLE temp.{table}")


def _chosen(own: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Each column's value after the merge: o is what was, n what comes."""
    before = {name.lower(): name for name in own}
    coming = {name.lower(): name for name in new}
    chosen = []
    for key in before | coming:
        name = before.get(key) or coming[key]
        kinds = [own[before[key]]] if key in before else []
        kinds += [new[coming[key]]] if key in coming else []
        value = f"o.{quote(before[key])}" if key in before else "NULL"
        if key in coming:
            kind = _common(kinds)
            arriving = f"n.{quote(coming[key])}::{kind}"
            value = f"if(n.content_hash IS NULL, {value}::{kind}, {arriving})"
        chosen.append(f"{value} AS {quote(name)}")
    return chosen


def _common(kinds: Sequence[str]) -> str:
    """A type that holds the values of all."""
    # Python reads times with a zone only through a package that is not installed.
    plain = {"TIMESTAMP" if "TIME ZONE" in kind else kind for kind in kinds}
    if len(plain) == 1:
        return plain.pop()
    return "DOUBLE" if plain <= {"BIGINT", "INTEGER", "DOUBLE", "FLOAT"} else "VARCHAR"


def annotate(transaction: Transaction, path: str) -> AnnotationReport:
    """Join a CSV's or Parquet file's columns to images by its ``path`` column.

    Raises:
        InputError: it cannot be read, lacks ``path``, or has a column that every collection has.
    """
    columns = read_rows(transaction, path)
    rows = transaction.rows("SELECT path::VARCHAR FROM incoming ORDER BY __row")
    known = transaction.rows("SELECT path, content_hash FROM files")
    folder = os.path.dirname(os.path.abspath(path))
    hashes, unmatched = match_paths([row[0] for row in rows], folder, dict(known))
    merge_rows(transaction, hashes, columns)
    return AnnotationReport(tuple(columns), len(rows) - len(unmatched), tuple(unmatched))
