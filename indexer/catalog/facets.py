"""How the values of a column are spread among the images that a filter lets through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog.columns import FIRST, names_files, relation
from vitrail.indexer.catalog.filtering import Filtered, FilterSource, open_filter
from vitrail.indexer.catalog.schema import quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UBIGINT", "HUGEINT", "FLOAT", "DOUBLE")
_TIMES = ("TIMESTAMP", "DATE")


@dataclass(frozen=True, slots=True)
class Bin:
    """Images whose value lies in a range.

    Attributes:
        low: where it begins.
        high: where it ends, which the last range alone holds, too.
        count: how many images.
    """

    low: Any
    high: Any
    count: int


@dataclass(frozen=True, slots=True)
class Facet:
    """A column's values.

    Attributes:
        column: its name.
        kind: SQL type.
        values: (value, images), the commonest first; empty of numbers and times.
        bins: ranges of numbers and times, from the least; empty of others.
        others: images whose value is none of ``values``, lists counted by image and value.
        missing: images without a value.
        distinct: how many values there are.
    """

    column: str
    kind: str
    values: tuple[tuple[Any, int], ...]
    bins: tuple[Bin, ...]
    others: int
    missing: int
    distinct: int


def read_facet(
    source: FilterSource, where: str, column: str, kind: str, *, most: int, bins: int
) -> Facet:
    """The values of one column, each image counted by its first file that fulfils the filter.

    Args:
        source: the state of the catalog.
        where: the filter.
        column: as the collection spells it.
        kind: its SQL type.
        most: values that are told apart.
        bins: ranges of numbers and times.

    Raises:
        FilterError: the filter cannot be used.
    """
    chosen = open_filter(source, where)
    rows = _rows(source, chosen, column)
    if kind in _NUMBERS or kind in _TIMES:
        return _binned(chosen, rows, column, kind, bins)
    if kind.endswith("[]"):  # of which an empty one, too, is no value
        rows = f"(SELECT unnest(CASE WHEN len(v) > 0 THEN v ELSE [NULL] END) AS v FROM {rows})"
    return _counted(chosen, rows, column, kind, most)


def _rows(source: FilterSource, chosen: Filtered, column: str) -> str:
    """The column as ``v``, a row an image."""
    mentioned = {*chosen.expression.columns, column.lower()}
    table = relation(source.connection, mentioned, flat=source.flat)
    sql = f"SELECT {quote(column)} AS v FROM {table} WHERE (\n{chosen.expression.text}\n)"
    if names_files(mentioned) or source.flat:
        sql += f" QUALIFY row_number() OVER (PARTITION BY id ORDER BY {FIRST}) = 1"
    return f"({sql})"


def _counted(chosen: Filtered, rows: str, column: str, kind: str, most: int) -> Facet:
    counted = _all(
        chosen,
        f"WITH g AS (SELECT v, count(*) AS n FROM {rows} GROUP BY v) SELECT v, n, "
        "sum(n) FILTER (v IS NOT NULL) OVER (), count(*) FILTER (v IS NOT NULL) OVER (), "
        "sum(n) FILTER (v IS NULL) OVER () FROM g "
        f"ORDER BY v IS NULL, n DESC, v LIMIT {most}",
    )
    known = tuple((value, int(n)) for value, n, *_ in counted if value is not None)
    _, _, every, distinct, missing = counted[0] if counted else (None, 0, 0, 0, 0)
    others = int(every or 0) - sum(n for _, n in known)
    return Facet(column, kind, known, (), others, int(missing or 0), int(distinct or 0))


def _binned(chosen: Filtered, rows: str, column: str, kind: str, bins: int) -> Facet:
    number = "epoch(v)" if kind in _TIMES else "v::DOUBLE"
    finite = f"isfinite({number})"
    ((low, high, least, largest, missing, distinct),) = _all(
        chosen,
        f"SELECT min({number}) FILTER ({finite}), max({number}) FILTER ({finite}), "
        f"min(v) FILTER ({finite}), max(v) FILTER ({finite}), count(*) FILTER (v IS NULL), "
        f"count(DISTINCT v) FROM {rows}",
    )
    if low is None:
        return Facet(column, kind, (), (), 0, int(missing), int(distinct))
    wide = min(bins, int(high - low) + 1) if kind not in ("DOUBLE", "FLOAT") else bins
    wide = max(1, wide) if high > low else 1
    step = (high - low) / wide or 1.0
    place = f"least({wide - 1}, floor(({number} - {low!r}) / {step!r}))::INTEGER"
    counts = dict(
        _all(
            chosen,
            f"SELECT {place}, count(*) FROM {rows} WHERE v IS NOT NULL AND {finite} GROUP BY 1",
        )
    )
    edges = [_edge(low + i * step, kind) for i in range(wide)]
    starts, ends = [least, *edges[1:]], [*edges[1:], largest]
    made = tuple(Bin(starts[i], ends[i], int(counts.get(i, 0))) for i in range(wide))
    return Facet(column, kind, (), made, 0, int(missing), int(distinct))


def _edge(value: float, kind: str) -> Any:
    from datetime import UTC, datetime

    if kind not in _TIMES:
        return value
    edge = datetime.fromtimestamp(value, UTC).replace(tzinfo=None)
    return edge.date() if kind == "DATE" else edge


def _all(chosen: Filtered, sql: str) -> list[tuple[Any, ...]]:
    result: DuckDBPyConnection = chosen.run(sql)
    return result.fetchall()
