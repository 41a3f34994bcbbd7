"""Filters: which images they let through, and which of an image's files fulfil them.

A filter is true of an image if any of its files fulfils it as a whole, so ``not label = 'cat'`` is
true of an image with some file whose label is not cat, whatever its other files are called.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.catalog.bounds import run_bounded
from vitrail.indexer.catalog.columns import RAW, known_columns, names_files, relation
from vitrail.indexer.catalog.expressions import Expression, quoted, read_expression
from vitrail.indexer.catalog.kinds import error_in_words
from vitrail.indexer.catalog.troubles import is_of_the_file
from vitrail.indexer.errors import FilterError
from vitrail.indexer.wording import first_line

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FileKey = tuple[str, bytes | None]
"""A file's path as text and, where that does not say it all, as bytes."""


class FilterSource(NamedTuple):
    """Where filters are evaluated: one state of the catalog.

    Attributes:
        connection: sealed against files, network and settings.
        flat: whether ``flatten`` has been done to this database.
        columns: the names of all columns, where they are known already: looking them up takes as
            long as a selective filter.
    """

    connection: DuckDBPyConnection
    flat: bool = False
    columns: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Filtered:
    """A filter over one state of the catalog.

    Args:
        connection: sealed against files, network and settings.
        expression: the filter.
        parameters: values of its ``?`` marks.
        flat: whether ``flatten`` has been done to this database.
    """

    connection: DuckDBPyConnection
    expression: Expression
    parameters: tuple[Any, ...] = ()
    flat: bool = False

    def ids(self) -> NDArray[np.int64]:
        """Ids of the live images of which it is true, sorted, (n,) int64."""
        where = self.expression.text
        source = relation(self.connection, self.expression.columns, flat=self.flat)
        sql = f"SELECT id FROM {source} WHERE (\n{where}\n) ORDER BY id"
        found = self.run(sql).fetchnumpy()["id"]
        ids: NDArray[np.int64] = np.ascontiguousarray(np.ma.getdata(found), np.int64)
        once = np.ones(len(ids), np.bool_)
        np.not_equal(ids[1:], ids[:-1], out=once[1:])  # sorted: an image's files are neighbours
        return np.ascontiguousarray(ids[once])

    def files(self, ids: Sequence[int]) -> dict[int, set[FileKey]]:
        """Those files of some images that fulfil it, by image id."""
        where = self.expression.text
        source = relation(self.connection, {*self.expression.columns, "path"}, flat=self.flat)
        listed = ", ".join(str(int(i)) for i in ids) or "NULL"
        sql = f"SELECT id, path, {RAW} FROM {source} WHERE id IN ({listed}) AND (\n{where}\n)"
        found: dict[int, set[FileKey]] = defaultdict(set)
        for image_id, path, raw in self.run(sql).fetchall():
            found[image_id].add((path, None if raw is None else bytes(raw)))
        return found

    def run(self, sql: str) -> DuckDBPyConnection:
        """Execute a statement that holds the filter once, within bounds.

        Raises:
            FilterError: the filter cannot be evaluated, or takes too much.
            duckdb.Error: the catalog cannot be read, which no filter is to blame for.
        """
        import duckdb

        where = self.expression.text
        try:
            return run_bounded(self.connection, sql, self.parameters, where=where)
        except duckdb.Error as error:
            if is_of_the_file(error):
                raise
            raise _explain(where, error) from error


def open_filter(source: FilterSource, where: str, parameters: Sequence[Any] = ()) -> Filtered:
    """A filter, once it is held to what a filter may be; see ``Filtered``.

    Raises:
        FilterError: it is no such expression, or names an unknown column.
    """
    columns = source.columns or known_columns(source.connection)
    expression = read_expression(source.connection, where, columns)
    return Filtered(source.connection, expression, tuple(parameters), source.flat)


def allowed_ids(
    source: FilterSource, where: str, parameters: Sequence[Any] = ()
) -> NDArray[np.int64]:
    """Ids of live images for which an SQL expression is true, sorted, (n,) int64.

    Args:
        source: the state of the catalog.
        where: one expression over the columns; no subqueries.
        parameters: values of its ``?`` marks.

    Raises:
        FilterError: it is no such expression, names an unknown column, or takes too much.
    """
    return open_filter(source, where, parameters).ids()


def fulfilling_files(
    source: FilterSource, where: str, ids: Sequence[int]
) -> dict[int, set[FileKey]]:
    """Those files of some images that fulfil a filter; empty where it does not tell files apart.

    Raises:
        FilterError: as ``allowed_ids``.
    """
    chosen = open_filter(source, where)
    return chosen.files(ids) if names_files(chosen.expression.columns) else {}


def _explain(where: str, error: Exception) -> FilterError:
    line = error_in_words(first_line(error, 300))
    return FilterError(
        f"the filter {quoted(where)} cannot be evaluated: {line}; compare columns with values of "
        "their kind, such as label = 'cat' and width > 512"
    )
