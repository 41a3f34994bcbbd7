"""What kind of values the texts of a CSV column are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vitrail.indexer.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

_INTEGER = r"^\s*[+-]?(0|[1-9][0-9]{0,17})\s*$"  # 007 is a name, no number
_NUMBER = r"^\s*([+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?|[nN][aA][nN])\s*$"
_BOOLEAN = r"^\s*([tT][rR][uU][eE]|[fF][aA][lL][sS][eE])\s*$"
_DATE = r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}\s*$"
_TIME = r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?\s*$"


@dataclass(frozen=True, slots=True)
class Oddity:
    """A cell that is no number in a column where most are.

    Attributes:
        column: its name.
        row: of the first such cell, from 1.
        text: what is there.
        cells: how many such cells there are.
        emptied: whether they were left out, so that the column holds numbers.
    """

    column: str
    row: int
    text: str
    cells: int
    emptied: bool


def infer_kinds(table: pa.Table, numbers: Collection[str]) -> tuple[pa.Table, list[Oddity]]:
    """Turn columns of text into whole numbers, numbers, booleans, dates or times where all are.

    Args:
        table: columns of text; null is an empty cell.
        numbers: names of columns whose cells that are no numbers shall be left empty.

    Raises:
        InputError: there is no column of such a name.
    """
    import pyarrow as pa

    wanted = {name.lower() for name in numbers}
    unknown = wanted - {name.lower() for name in table.column_names}
    if unknown:
        raise InputError(
            f"there is no column {min(unknown)!r} to read as numbers; there is "
            f"{', '.join(table.column_names)}"
        )
    columns, oddities = {}, []
    for name in table.column_names:
        column = table[name].combine_chunks()
        odd = _odd_cell(column, name, emptied=name.lower() in wanted)
        if odd is not None:
            oddities.append(odd)
            column = _without_texts(column) if odd.emptied else column
        columns[name] = _inferred(column)
    return pa.table(columns), oddities


def _odd_cell(column: Any, name: str, *, emptied: bool) -> Oddity | None:
    import pyarrow.compute as pc

    fits = pc.match_substring_regex(column, _NUMBER)
    odd = pc.sum(pc.invert(fits)).as_py() or 0
    even = len(column) - column.null_count - odd
    if not odd or (not emptied and even <= odd):
        return None
    place = pc.index(fits, False).as_py()
    return Oddity(name, place + 1, column[place].as_py(), odd, emptied)


def _without_texts(column: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(
        pc.match_substring_regex(column, _NUMBER), column, pa.scalar(None, pa.string())
    )


def _inferred(column: Any) -> Any:
    """The column as the first kind that all its values are of; of empty ones, text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kinds = [
        (_INTEGER, pa.int64()),
        (_NUMBER, pa.float64()),
        (_BOOLEAN, pa.bool_()),
        (_DATE, pa.date32()),
        (_TIME, pa.timestamp("us")),
    ]
    if column.null_count == len(column):
        return column
    for pattern, kind in kinds:
        if pc.all(pc.match_substring_regex(column, pattern)).as_py():
            try:
                texts = pc.utf8_trim_whitespace(column)
                texts = pc.utf8_lower(texts) if kind == pa.bool_() else texts
                return _no_nan(pc.replace_substring_regex(texts, r"^\+", "").cast(kind))
            except pa.ArrowInvalid:  # the 30th of February
                break
    return column


def _no_nan(column: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.type != pa.float64():
        return column
    return pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)
