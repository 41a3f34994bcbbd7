"""Values of an Arrow column, one or a page of them: Arrow's own scalars take most of an answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow

Value = Callable[[int], Any]
"""Gives the value in a row, ``None`` where there is none."""
Rows = NDArray[np.int64]
Page = Callable[[Rows], list[Any]]
"""Gives the values in (n,) rows, in their order, likewise."""

_EPOCH = datetime(1970, 1, 1)


def values_of(column: pyarrow.Array | pyarrow.ChunkedArray) -> Value:
    """What gives a column's values by row: the very same as ``column[row].as_py()``.

    Numbers, texts and times are read from the column's own memory, of which nothing is copied;
    other kinds, and columns in several pieces, as Arrow gives them.

    Args:
        column: (n,) of any type; rows are counted from 0, and none is checked to be there.
    """
    import pyarrow

    def given(row: int) -> Any:
        return column[row].as_py()

    if not isinstance(column, pyarrow.Array) or column.offset:
        return given
    read = _reader(column)
    if read is None:
        return given
    return _where_valid(column, read) if column.null_count else read


def pages_of(column: pyarrow.Array | pyarrow.ChunkedArray) -> Page:
    """What gives the values of some rows of a column: the very same as ``values_of``.

    Of ten million rows any is far from the processor; those of a page are fetched side by side.

    Args:
        column: as ``values_of``.
    """
    import pyarrow

    value = values_of(column)

    def one_by_one(rows: Rows) -> list[Any]:
        return [value(row) for row in rows.tolist()]

    if not isinstance(column, pyarrow.Array) or column.offset:
        return one_by_one
    read = _page_reader(column)
    if read is None:
        return one_by_one
    return _page_where_valid(column, read) if column.null_count else read


def presence_of(column: pyarrow.Array | pyarrow.ChunkedArray) -> Callable[[int], bool]:
    """What tells of a column's rows whether there is a value.

    Args:
        column: (n,) of any type; rows are counted from 0, and none is checked to be there.
    """
    import pyarrow

    if not column.null_count:
        return lambda _: True
    if isinstance(column, pyarrow.Array) and not column.offset and column.buffers()[0] is not None:
        return _bits(column.buffers()[0])
    return lambda row: bool(column[row].is_valid)


def _reader(column: pyarrow.Array) -> Value | None:
    """What reads a column's values, those included that are none."""
    from pyarrow import types

    kind = column.type
    if types.is_integer(kind) or types.is_float32(kind) or types.is_float64(kind):
        return np.frombuffer(column.buffers()[1], kind.to_pandas_dtype(), len(column)).item
    if types.is_boolean(kind):
        return _bits(column.buffers()[1])
    if types.is_string(kind):
        return _texts(column)
    if types.is_timestamp(kind) and kind.unit == "us" and kind.tz is None:
        return _times(column)
    return None


def _bits(buffer: pyarrow.Buffer) -> Callable[[int], bool]:
    whole = memoryview(buffer)

    def read(row: int) -> bool:
        return whole[row >> 3] >> (row & 7) & 1 == 1

    return read


def _texts(column: pyarrow.Array) -> Value:
    _, places, characters = column.buffers()
    ends = memoryview(places).cast("i")
    whole = memoryview(characters if characters is not None else b"")

    def read(row: int) -> str:
        return whole[ends[row] : ends[row + 1]].tobytes().decode()

    return read


def _times(column: pyarrow.Array) -> Value:
    microseconds = np.frombuffer(column.buffers()[1], np.int64, len(column)).item

    def read(row: int) -> datetime:
        return _EPOCH + timedelta(microseconds=microseconds(row))

    return read


def _where_valid(column: pyarrow.Array, read: Value) -> Value:
    valid = _bits(column.buffers()[0])
    return lambda row: read(row) if valid(row) else None


def _page_reader(column: pyarrow.Array) -> Page | None:
    """As ``_reader``, of the kinds that gain by it."""
    from pyarrow import types

    kind = column.type
    if types.is_integer(kind) or types.is_float32(kind) or types.is_float64(kind):
        numbers = np.frombuffer(column.buffers()[1], kind.to_pandas_dtype(), len(column))
        return lambda rows: numbers.take(rows).tolist()
    if types.is_string(kind):
        return _page_of_texts(column)
    if types.is_timestamp(kind) and kind.unit == "us" and kind.tz is None:
        times = np.frombuffer(column.buffers()[1], "datetime64[us]", len(column))
        return lambda rows: times.take(rows).tolist()
    return None


def _page_of_texts(column: pyarrow.Array) -> Page:
    _, places, characters = column.buffers()
    ends = np.frombuffer(places, np.int32, len(column) + 1)
    whole = memoryview(characters if characters is not None else b"")

    def read(rows: Rows) -> list[str]:
        spans = zip(ends.take(rows).tolist(), ends.take(rows + 1).tolist(), strict=True)
        return [whole[start:end].tobytes().decode() for start, end in spans]

    return read


def _page_where_valid(column: pyarrow.Array, read: Page) -> Page:
    valid = _bits(column.buffers()[0])

    def some(rows: Rows) -> list[Any]:
        values = zip(rows.tolist(), read(rows), strict=True)
        return [value if valid(row) else None for row, value in values]

    return some
