"""What a column of the user's own may be called and may hold, wherever it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog.columns import is_reserved
from vitrail.indexer.errors import InputError
from vitrail.indexer.wording import counted, in_one_line

if TYPE_CHECKING:
    import pyarrow as pa

MOST = 256  # columns of a collection: each is a part of every image's metadata
LONGEST_NAME = 100  # characters
LONGEST_TEXT = 100_000  # characters of a value
LONGEST_LIST = 10_000  # values in one
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
_KINDS = "text, numbers, booleans, dates or lists of texts or numbers"


def check_names(names: Iterable[str], source: str) -> None:
    """Refuse names that cannot be told apart from others, or that would confuse a terminal.

    Raises:
        InputError: names the column and what is wrong with it.
    """
    seen: set[str] = set()
    for name in names:
        problem = _name_problem(name)
        if problem is None and name.lower() in seen:
            problem = "is there twice (upper and lower case are the same)"
        if problem is not None:
            shown = repr(name if len(name) <= 60 else name[:57] + "...")
            raise InputError(f"{source}: the column {shown} {problem}; rename it")
        seen.add(name.lower())
    if len(seen) > MOST:
        raise InputError(
            f"{source} has {counted(len(seen), 'column')} of your own, but {MOST} are the most"
        )


def _name_problem(name: str) -> str | None:
    if not name.strip() or name != name.strip():
        return "has no name, or one that begins or ends with a space"
    if len(name) > LONGEST_NAME:
        return f"has a name of {len(name):,} characters, but {LONGEST_NAME} are the most"
    try:
        name.encode()
    except UnicodeEncodeError:
        return "has a name that is no valid text"
    if _CONTROL.search(name):
        return "has control characters in its name"
    if name.startswith("__"):
        return "begins with __, which Vitrail keeps for itself"
    return "is one which every collection has already" if is_reserved(name) else None


def plain_column(column: pa.ChunkedArray, name: str, source: str) -> pa.ChunkedArray:
    """A column as one of few kinds: string, int64, double, bool, date, timestamp, or a list.

    Whole numbers beyond int64 become double, NaN becomes null, times with a zone UTC.

    Raises:
        InputError: it is of another kind, or holds a value that is too long or no text.
    """
    import pyarrow as pa

    try:
        column.validate(full=True)
        kind = _plain_kind(column.type)
        if kind is None:
            raise InputError(
                f"{source}: the column {name!r} holds {str(column.type)[:60]}, which cannot be "
                f"filtered by; give {_KINDS}"
            )
        plain = _cast(column, kind)
    except (pa.ArrowException, UnicodeDecodeError, OverflowError) as error:
        raise InputError(
            f"{source}: the column {name!r} cannot be used: {in_one_line(error)}"
        ) from error
    _check_lengths(plain, name, source)
    return plain


def _plain_kind(kind: Any) -> Any:
    """The Arrow type to cast to, or ``None`` if there is none."""
    import pyarrow as pa
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        inner = _plain_kind(kind.value_type)
        scalar = inner is not None and inner in (pa.string(), pa.int64(), pa.float64())
        return pa.list_(inner) if scalar else None
    if types.is_boolean(kind):
        return pa.bool_()
    if types.is_integer(kind):
        return pa.int64()
    if types.is_floating(kind) or types.is_decimal(kind):
        return pa.float64()
    if types.is_null(kind) or kind in (pa.string(), pa.large_string(), pa.string_view()):
        return pa.string()
    if types.is_date(kind):
        return pa.date32()
    return pa.timestamp("us") if types.is_timestamp(kind) else None


def _cast(column: pa.ChunkedArray, kind: Any) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind == pa.int64() and pa.types.is_uint64(column.type):
        most = pc.max(column).as_py()
        kind = pa.float64() if most is not None and most >= 1 << 63 else kind
    if kind in (pa.timestamp("us"), pa.date32()):
        plain = column.cast(kind, safe=kind == pa.date32())  # nanoseconds are cut off
        year = pc.year(plain)
        if pc.any(pc.or_(pc.less(year, 1), pc.greater(year, 9999))).as_py():
            raise pa.ArrowInvalid("a year is not in 1 to 9999")
        return plain
    plain = column.cast(kind, safe=kind != pa.float64())
    if kind == pa.float64():
        return pc.if_else(pc.is_nan(plain), pa.scalar(None, kind), plain)
    return plain


def _check_lengths(column: pa.ChunkedArray, name: str, source: str) -> None:
    """Refuse texts and lists that are too long, naming the first row that has one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts, rows, most = column, None, LONGEST_TEXT
    if pa.types.is_list(column.type):
        lengths = pc.list_value_length(column)
        _refuse_long(lengths, LONGEST_LIST, None, name, source)
        texts, rows = pc.list_flatten(column), pc.list_parent_indices(column)
    if texts.type == pa.string():
        _refuse_long(pc.utf8_length(texts), most, rows, name, source)


def _refuse_long(lengths: Any, most: int, rows: Any, name: str, source: str) -> None:
    import pyarrow.compute as pc

    place = pc.index(pc.fill_null(pc.greater(lengths, most), False), True).as_py()
    if place >= 0:
        row = place if rows is None else rows[place].as_py()
        raise InputError(
            f"{source} row {row + 1}, column {name!r}: a value of {lengths[place].as_py():,}, but "
            f"{most:,} is the most"
        )
