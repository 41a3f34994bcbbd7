"""Values of an Arrow column, one at a time: where Arrow's own scalars take most of an answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow

Value = Callable[[int], Any]
"""Gives the value in a row, ``None`` where there is none."""

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
        return str(whole[ends[row] : ends[row + 1]], "utf-8")

    return read


def _times(column: pyarrow.Array) -> Value:
    microseconds = np.frombuffer(column.buffers()[1], np.int64, len(column)).item

    def read(row: int) -> datetime:
        return _EPOCH + timedelta(microseconds=microseconds(row))

    return read


def _where_valid(column: pyarrow.Array, read: Value) -> Value:
    valid = _bits(column.buffers()[0])
    return lambda row: read(row) if valid(row) else None
