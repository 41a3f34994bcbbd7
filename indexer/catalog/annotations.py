"""The user's own columns, joined to images by path."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrail.indexer.catalog.columns import annotation_columns
from vitrail.indexer.catalog.inference import Oddity, infer_kinds
from vitrail.indexer.catalog.own_columns import MOST, check_names, plain_column
from vitrail.indexer.catalog.retyping import StillText, fill_kinds, free_of_text
from vitrail.indexer.catalog.schema import quote
from vitrail.indexer.catalog.tables import read_own_table
from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

_WHOLE = {"BIGINT", "INTEGER", "SMALLINT", "TINYINT"}
_NUMBERS = {*_WHOLE, "DOUBLE", "FLOAT"}


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A row that named no image, or several: its number (from 1), its path as given, and why."""

    row: int
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Retyped:
    """A column that held one kind of values before and holds another now, as SQL types."""

    column: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class AnnotationReport:
    """What ``annotate`` did.

    Attributes:
        columns: those that were set.
        matched: rows that found their image.
        unmatched: rows that did not.
        oddities: cells that are no numbers where most are.
        retyped: columns that hold another kind of values now.
        still_text: columns that stay text though another kind of values came.
    """

    columns: tuple[str, ...]
    matched: int
    unmatched: tuple[Unmatched, ...]
    oddities: tuple[Oddity, ...] = ()
    retyped: tuple[Retyped, ...] = ()
    still_text: tuple[StillText, ...] = ()


def load_incoming(transaction: Transaction, columns: pa.Table) -> dict[str, str]:
    """Put checked columns into the temporary table ``incoming``; their names and SQL types."""
    transaction.connection.register("arriving", columns)
    transaction.run(
        "CREATE OR REPLACE TEMP TABLE incoming AS "
        "SELECT row_number() OVER () AS __row, * FROM arriving"
    )
    transaction.connection.unregister("arriving")
    found = transaction.rows("PRAGMA table_info('incoming')")
    return {row[1]: row[2] for row in found if row[1] != "__row"}


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
    if not text or "\0" in text:
        return set()
    full = os.path.normpath(os.path.join(folder, os.path.expanduser(text)))
    if full in known:
        return {known[full]}
    tail = os.path.normpath(text)
    paths = endings.get(os.path.basename(tail), [])
    return {known[p] for p in paths if p == tail or p.endswith(os.sep + tail.lstrip(os.sep))}


def merge_rows(
    transaction: Transaction,
    hashes: Sequence[str | None],
    columns: Mapping[str, str],
    *,
    keep: bool = False,
) -> tuple[tuple[Retyped, ...], tuple[StillText, ...]]:
    """Set the incoming columns of the images found; other columns and images stay as they are.

    Args:
        transaction: with the temporary table ``incoming``.
        hashes: content hash of each of its rows, or ``None``.
        columns: its columns and their SQL types.
        keep: whether an empty cell leaves what is known as it is.

    Returns:
        the columns that hold another kind of values now, and those that stay text.

    Raises:
        InputError: the collection would have more columns than it may.
    """
    transaction.run(
        "CREATE OR REPLACE TEMP TABLE matched AS SELECT * FROM "
        "(SELECT unnest(?::VARCHAR[]) AS content_hash, unnest(?::BIGINT[]) AS __row) "
        "WHERE content_hash IS NOT NULL "
        "QUALIFY row_number() OVER (PARTITION BY content_hash ORDER BY __row DESC) = 1",
        [list(hashes), list(range(1, len(hashes) + 1))],
    )
    before = annotation_columns(transaction.connection)
    chosen = _chosen(before, fill_kinds(transaction, before, columns), keep=keep)
    if len(chosen) > MOST:
        raise InputError(
            f"the collection would have {len(chosen)} columns of your own, but {MOST} are the most"
        )
    transaction.run(
        "CREATE OR REPLACE TEMP TABLE merged AS "
        f"SELECT coalesce(n.content_hash, o.content_hash) AS content_hash, {', '.join(chosen)} "
        "FROM annotations o "
        "FULL JOIN (SELECT * FROM matched JOIN incoming USING (__row)) n "
        "ON n.content_hash = o.content_hash"
    )
    still_text = free_of_text(transaction, before, columns)
    transaction.replace_annotations("merged", changed="matched")
    for table in ("matched", "incoming", "merged"):
        transaction.run(f"DROP TABLE temp.{table}")
    after = annotation_columns(transaction.connection)
    retyped = (Retyped(n, kind, after[n]) for n, kind in before.items() if after[n] != kind)
    return tuple(retyped), still_text


def _chosen(own: Mapping[str, str], new: Mapping[str, str], *, keep: bool) -> list[str]:
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
            left = f"{arriving} IS NULL" if keep else "n.content_hash IS NULL"
            value = f"if({left}, {value}::{kind}, {arriving})"
        chosen.append(f"{value} AS {quote(name)}")
    return chosen


def _common(kinds: Sequence[str]) -> str:
    """A type that holds the values of all."""
    # Python reads times with a zone only through a package that is not installed.
    plain = {"TIMESTAMP" if "TIME ZONE" in kind else kind for kind in kinds}
    if len(plain) == 1:
        return plain.pop()
    if plain <= _NUMBERS:
        return "BIGINT" if plain <= _WHOLE else "DOUBLE"
    return "VARCHAR"


def annotate(
    transaction: Transaction, path: str, *, numbers: Collection[str] = ()
) -> AnnotationReport:
    """Join a CSV's or Parquet file's columns to images by its ``path`` column.

    Args:
        transaction: rolled back where this raises.
        path: the file.
        numbers: columns of a CSV file whose cells that are no numbers shall be left empty.

    Raises:
        InputError: it cannot be read, lacks ``path``, or has a column that no image can have.
    """
    table = read_own_table(path)
    own, oddities = table.columns, list[Oddity]()
    if not table.typed:
        own, oddities = infer_kinds(own, numbers)
    known = transaction.rows("SELECT path, content_hash FROM files")
    folder = os.path.dirname(os.path.abspath(path))
    hashes, unmatched = match_paths(table.paths, folder, dict(known))
    columns = load_incoming(transaction, own)
    retyped, still_text = merge_rows(transaction, hashes, columns)
    return AnnotationReport(
        columns=tuple(columns),
        matched=len(hashes) - len(unmatched),
        unmatched=tuple(unmatched),
        oddities=tuple(oddities),
        retyped=retyped,
        still_text=still_text,
    )


def annotate_images(
    transaction: Transaction, ids: Sequence[int], columns: Mapping[str, pa.ChunkedArray]
) -> int:
    """Set columns of the user's own on images that are named by id; empty cells clear what was.

    Args:
        transaction: rolled back where this raises.
        ids: of the images; those that are gone by now are passed over, and of one that is named
            twice the last values hold.
        columns: a value for each image, by name.

    Returns:
        how many images were set.

    Raises:
        InputError: a column that no image can have.
    """
    import pyarrow as pa

    check_names(columns, "what was told")
    plain = {name: plain_column(one, name, "what was told") for name, one in columns.items()}
    known = dict(
        transaction.rows(
            "SELECT id, content_hash FROM images SEMI JOIN "
            "(SELECT unnest(?::BIGINT[]) AS id) USING (id) "
            "ANTI JOIN deletions d ON d.image_id = id",
            [list(ids)],
        )
    )
    hashes = [known.get(one) for one in ids]
    merge_rows(transaction, hashes, load_incoming(transaction, pa.table(plain)))
    return len(known)
