"""Images listed without a query: which, in what order, with which columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog.columns import FIRST, RAW, known_columns, names_files, relation
from vitrail.indexer.catalog.expressions import unknown_column
from vitrail.indexer.catalog.filtering import FilterSource, open_filter
from vitrail.indexer.catalog.schema import quote
from vitrail.indexer.errors import InputError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_FETCHED = 1000  # rows at a time
_MOST = 2**63 - 1  # that a limit of DuckDB's may be


@dataclass(frozen=True, slots=True)
class Listing:
    """What to list.

    Attributes:
        where: a filter, or ``None``.
        sort: columns to sort by, each with ``-`` before it to begin with the largest; images
            without a value come last, and what is equal by id.
        limit: how many at most, or ``None``.
        columns: those that each row gives; empty is all.
        ids: just these images.
        asker: who names the columns, for messages.
        after: just what follows the row of these values of ``sort`` and this id, which stands last;
            ``None`` begins at the first.
    """

    where: str | None = None
    sort: tuple[str, ...] = ()
    limit: int | None = None
    columns: tuple[str, ...] = ()
    ids: tuple[int, ...] | None = None
    asker: str = "the list"
    after: tuple[Any, ...] | None = None

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise InputError(f"the limit is {self.limit}, but at least 1 image must be asked for")


def named_columns(
    connection: DuckDBPyConnection, wanted: Sequence[str], asker: str = "the list"
) -> list[str]:
    """Columns as the collection spells them; all of them where none is wanted.

    Args:
        connection: to the tables.
        wanted: in any case.
        asker: who names them, for messages.

    Raises:
        InputError: there is no such column, with the nearest that there is.
    """
    known = known_columns(connection)
    by_lower = {name.lower(): name for name in known}
    for name in wanted:
        if name.lower() not in by_lower:
            raise unknown_column(name, known, asker=asker)
    return [by_lower[name.lower()] for name in wanted] or known


def list_rows(
    source: FilterSource, listing: Listing
) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """The columns of a list, and its rows as they are read: path bytes first, then the columns.

    An image is one row, with the columns of its first file: of those that fulfil the filter, if
    there is one, those that are not missing first, by path.

    Raises:
        InputError: the filter cannot be used, or there is no such column.
    """
    connection = source.connection
    columns = named_columns(connection, listing.columns, listing.asker)
    keys = [key.removeprefix("-") for key in listing.sort]
    keys = named_columns(connection, keys, listing.asker) if keys else []
    where = listing.where if listing.where is not None else "true"
    following, values = _following(listing, keys)
    chosen = open_filter(source, where, values)
    mentioned = {*chosen.expression.columns, *map(str.lower, (*columns, *keys))}
    files = names_files(mentioned)
    sql = f"SELECT {RAW if files else 'NULL'}, {', '.join(map(quote, columns))} "
    sql += f"FROM {relation(connection, mentioned, flat=source.flat)} WHERE (\n{where}\n)"
    if listing.ids is not None:
        sql += f" AND id IN ({', '.join(str(int(i)) for i in listing.ids) or 'NULL'})"
    if files or source.flat:
        sql += f" QUALIFY row_number() OVER (PARTITION BY id ORDER BY {FIRST}) = 1"
    sql += following  # to that, or else to the condition
    sql += f" ORDER BY {', '.join([*_order(listing.sort, keys), 'id'])}"
    if listing.limit is not None:
        sql += f" LIMIT {min(int(listing.limit), _MOST)}"
    result = chosen.run(sql)
    return columns, _fetched(result, columns)


def _order(sort: Sequence[str], keys: Sequence[str]) -> Iterator[str]:
    for text, name in zip(sort, keys, strict=True):
        yield f"{quote(name)} {'DESC' if text.startswith('-') else 'ASC'} NULLS LAST"


def _following(listing: Listing, keys: Sequence[str]) -> tuple[str, list[Any]]:
    """What is true of rows after another one, with the values of its ``?`` marks."""
    if listing.after is None:
        return "", []
    *before, last = listing.after
    cases, values, equal, held = [], list[Any](), list[str](), list[Any]()
    for text, name, value in zip(listing.sort, keys, before, strict=True):
        column, beyond = quote(name), "<" if text.startswith("-") else ">"
        if value is not None:  # nothing follows what has no value
            cases.append([*equal, f"({column} {beyond} ? OR {column} IS NULL)"])
            values += [*held, value]
        equal.append(f"{column} IS NOT DISTINCT FROM ?")
        held.append(value)
    cases.append([*equal, "id > ?"])
    values += [*held, last]
    joined = " OR ".join(f"({' AND '.join(case)})" for case in cases)
    return f" AND ({joined})", values


def _fetched(result: DuckDBPyConnection, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    # A recipe is stored as text, and read as what it says.
    recipe = columns.index("recipe") + 1 if "recipe" in columns else None
    while rows := result.fetchmany(_FETCHED):
        for row in rows:
            if recipe is not None and row[recipe] is not None:
                yield (*row[:recipe], json.loads(row[recipe]), *row[recipe + 1 :])
            else:
                yield row
