"""What each value of an exported row must be."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError
from vitrail.indexer.records import READ_VERSION

if TYPE_CHECKING:
    import pyarrow as pa

Source = tuple[str, int]
"""A file's path and the number of rows before the first one that is looked at."""

_UNIT = 1e-3  # how far from 1 a vector's length may be, as for an index
_LONGEST = 10_000  # characters of a label, a keyword, a camera's name
_MOST = 10_000  # keywords or predictions of an image
_LONGEST_PATH = 1 << 15  # bytes, as Windows allows
_LONGEST_RECIPE = 1 << 20  # characters
_DEEPEST_RECIPE = 64
_YEARS = (-62_135_596_800_000_000, 253_402_300_799_999_999)  # 1 to 9999, in microseconds


def check_values(table: pa.Table, source: Source) -> None:
    """Hold every value of some rows, already of the right types, to what it may be.

    Raises:
        InputError: names the row, the column, what is there and what is expected.
    """
    columns = {name: table[name].combine_chunks() for name in table.column_names if name != "id"}
    for name, (fits, expected) in _rules().items():
        if name in columns:
            _refuse(columns[name], fits(columns[name]), name, expected, source)
    for name, (look, expected) in _LOOKS.items():
        if name in columns:
            for row, value in enumerate(columns[name].to_pylist()):
                if not look(value):
                    raise problem(source, row, name, value, expected)


def problem(source: Source, row: int, name: str, value: object, expected: str) -> InputError:
    """The refusal of a value."""
    shown = repr(value)
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    return InputError(
        f"{source[0]} row {source[1] + row + 1}, column {name!r}: {shown} where {expected} is "
        "expected; nothing was imported"
    )


def _refuse(column: Any, fits: Any, name: str, expected: str, source: Source) -> None:
    import pyarrow.compute as pc

    row = pc.index(pc.fill_null(fits, False), False).as_py()
    if row >= 0:
        raise problem(source, row, name, column[row].as_py(), expected)


def _rules() -> dict[str, tuple[Callable[[Any], Any], str]]:
    """What whole columns can be asked at once, and in words."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def between(low: float, high: float, *, optional: bool = False) -> Callable[[Any], Any]:
        def fits(column: Any) -> Any:
            inside = pc.and_(pc.greater_equal(column, low), pc.less_equal(column, high))
            return pc.or_kleene(inside, pc.is_null(column)) if optional else inside

        return fits

    def matching(pattern: str) -> Callable[[Any], Any]:
        return lambda column: pc.match_substring_regex(column, pattern)

    def dated(column: Any) -> Any:
        return between(*_YEARS, optional=True)(column.cast(pa.int64()))

    return {
        "content_hash": (matching(r"\A[0-9a-f]{64}\z"), "a sha256 of 64 hex digits"),
        "width": (between(1, 1 << 30), "a number of pixels"),
        "height": (between(1, 1 << 30), "a number of pixels"),
        "format": (matching(r"\A[A-Za-z0-9 ._+-]{1,32}\z"), "the name of an image format"),
        "bytes": (between(0, 1 << 62), "a number of bytes"),
        "taken_at": (dated, "a date of the years 1 to 9999"),
        "latitude": (between(-90, 90, optional=True), "a number of degrees, -90 to 90,"),
        "longitude": (between(-180, 180, optional=True), "a number of degrees, -180 to 180,"),
        "rating": (between(-1, 5, optional=True), "a number from -1 to 5"),
        "generated": (pc.is_valid, "true or false"),
        "read_version": (between(0, READ_VERSION, optional=True), f"0 to {READ_VERSION}"),
    }


def _text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST and "\0" not in value


def _camera(value: object) -> bool:
    return value is None or _text(value)


def _keywords(value: Sequence[object] | None) -> bool:
    return value is None or (len(value) <= _MOST and all(map(_text, value)))


def _predictions(value: Sequence[Any] | None) -> bool:
    return (
        value is not None
        and len(value) <= _MOST
        and all(
            one is not None and _text(one["label"]) and 0 <= _number(one["score"]) <= 1
            for one in value
        )
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _files(value: Sequence[Any] | None) -> bool:
    return value is not None and all(one is not None and _file(one) for one in value)


def _file(one: dict[str, Any]) -> bool:
    path, size, mtime, label = one["path"], one["size"], one["mtime_ns"], one["label"]
    return (
        isinstance(path, bytes)
        and _path(path)
        and size is not None
        and size >= 0
        and mtime is not None
        and (label is None or (len(label) <= _LONGEST and "\0" not in label))
    )


def _path(data: bytes) -> bool:
    """Absolute, the shortest way to say it, and one that the file system can have."""
    if not data or len(data) > _LONGEST_PATH or b"\0" in data:
        return False
    try:
        path = os.fsdecode(data)
    except UnicodeError:
        return False
    return os.path.isabs(path) and os.path.normpath(path) == path


def _recipe(value: str | None) -> bool:
    if value is None:
        return True
    if len(value) > _LONGEST_RECIPE:
        return False
    try:
        recipe = json.loads(value, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return False
    return isinstance(recipe, dict) and _depth_at_most(recipe, _DEEPEST_RECIPE)


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def _depth_at_most(value: object, most: int) -> bool:
    level: list[object] = [value]
    for _ in range(most + 1):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return True
    return False


_LOOKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "camera": (_camera, "a name"),
    "keywords": (_keywords, "a list of words"),
    "recipe": (_recipe, f"a JSON object at most {_DEEPEST_RECIPE} levels deep"),
    "predictions": (_predictions, "a list of labels with scores from 0 to 1"),
    "files": (_files, "a list of absolute paths with size, mtime_ns and label"),
}


def first_repeated(values: Iterable[bytes], seen: set[bytes], name: str, source: Source) -> None:
    """Note some values that may be there only once.

    Raises:
        InputError: one has been seen before.
    """
    for row, value in enumerate(values):
        if value in seen:
            row = 0 if name == "files" else row
            raise problem(source, row, name, value, "what no row before has")
        seen.add(value)


def unit_vectors(column: Any, dim: int, name: str, source: Source) -> NDArray[np.float32]:
    """A column of vectors as (n, dim) float32, each of length 1.

    Raises:
        InputError: names the first row whose vector is not.
    """
    import pyarrow as pa
    from pyarrow import types

    kind = column.type
    listed = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    if not listed or not types.is_floating(kind.value_type):
        raise InputError(
            f"{source[0]}: column {name!r} holds {str(kind)[:60]}, but vectors of {dim} floats are "
            "expected; nothing was imported"
        )
    expected = f"a vector of {dim} numbers of length 1"
    widths = column.cast(pa.list_(kind.value_type)).combine_chunks()
    lengths = np.asarray(widths.value_lengths().fill_null(-1))
    wrong = np.flatnonzero(lengths != dim)
    if len(wrong):
        row = int(wrong[0])
        raise problem(source, row, name, int(lengths[row]), f"{expected} (this is how many)")
    flat = widths.flatten().cast(pa.float32(), safe=False).fill_null(float("nan"))
    rows: NDArray[np.float32] = np.asarray(flat, np.float32).reshape(-1, dim)
    with np.errstate(over="ignore", invalid="ignore"):
        norms = np.sqrt(np.einsum("nd,nd->n", rows, rows))
    wrong = np.flatnonzero(~(np.abs(norms - 1) <= _UNIT))  # true for NaN as well
    if len(wrong):
        row = int(wrong[0])
        raise problem(source, row, name, float(norms[row]), f"{expected} (this is its length)")
    return np.ascontiguousarray(rows)
