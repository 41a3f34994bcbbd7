"""Where many questions come from: a folder, a list of names, or a Parquet file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError, VitrailError
from vitrail.indexer.paths import original
from vitrail.indexer.spaces import base_of
from vitrail.search.vectors import query_rows
from vitrail.service.operations.batches import BatchQuery
from vitrail.service.operations.references import ImageFile, ImageId, ImageReference

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 4096  # of a Parquet file read at a time
_LONGEST = 1 << 20  # characters of a list's line
Name = Callable[[str], ImageReference]
"""What a text of a list names; an ``InputError`` where it names nothing."""


@dataclass(frozen=True, slots=True)
class QuerySource:
    """Many questions.

    Attributes:
        total: how many.
        queries: read as they are taken.
    """

    total: int
    queries: Iterator[BatchQuery]


def open_queries(
    path: str, name: Name, dims: Mapping[str, int], wanted: Iterable[str]
) -> QuerySource:
    """The questions of a folder's images, of a text file's lines, or of a Parquet file's rows.

    A Parquet file has a column of vectors, called as its space or, where one space is asked about,
    ``vector``; or else a column ``id`` or ``path``. With vectors, these name the questions.

    Args:
        path: of the file or folder.
        name: tells what a line or a path names.
        dims: the collection's spaces and their widths.
        wanted: the spaces that are asked about; vectors of a derived one are made of its base's.

    Raises:
        InputError: there is no such file, it cannot be read, has no such column, or asks nothing.
    """
    source = _open(path, name, dims, wanted)
    if not source.total:
        what = "folder holds no images" if os.path.isdir(path) else "file holds no queries"
        raise InputError(f"{path!r} asks nothing: the {what}; name another one")
    return source


def _open(path: str, name: Name, dims: Mapping[str, int], wanted: Iterable[str]) -> QuerySource:
    if os.path.isdir(path):
        return _folder(path)
    if os.path.exists(path) and not os.path.isfile(path):
        raise InputError(
            f"{path!r} is neither a file nor a folder; write the queries into a file first"
        )
    if not os.path.isfile(path):
        raise InputError(
            f"there is no file or folder {path!r} to read queries from; check the spelling"
        )
    if path.lower().endswith(".parquet"):
        return _parquet(path, name, dims, wanted)
    return _lines(path, name)


def _folder(path: str) -> QuerySource:
    from vitrail.indexer.indexing.globs import PathFilter
    from vitrail.indexer.indexing.scan import Unreadable, Walk

    found = [*Walk(os.path.abspath(path), PathFilter())]
    queries = (
        BatchQuery(one.path, None, f"{one.reason}: {one.detail}")
        if isinstance(one, Unreadable)
        else BatchQuery(one.path, ImageFile(one.path))
        for one in found
    )
    return QuerySource(len(found), queries)


def _lines(path: str, name: Name) -> QuerySource:
    try:
        # some editors begin a text with a mark that is none of it
        with open(path, encoding="utf-8-sig", errors="surrogateescape") as handle:
            texts = [text for line in handle if (text := line.strip("\r\n"))]
    except OSError as error:
        raise InputError(f"{path!r} cannot be read: {error.strerror}") from error
    if any("\0" in text or len(text) > _LONGEST for text in texts):
        raise InputError(
            f"{path!r} is no list of queries: give a text file with a path or an id a line, a "
            ".parquet file or a folder"
        )
    return QuerySource(len(texts), (_named(text, name) for text in texts))


def _named(text: str, name: Name) -> BatchQuery:
    try:
        return BatchQuery(text, name(text))
    except VitrailError as error:
        return BatchQuery(text, None, str(error))


def _parquet(path: str, name: Name, dims: Mapping[str, int], wanted: Iterable[str]) -> QuerySource:
    import pyarrow.parquet as pq

    from vitrail.indexer.catalog.tables import foreign
    from vitrail.indexer.segments.parquet import read_footer

    asked = list(dict.fromkeys(base_of(one) or one for one in wanted))
    with foreign(path), open(path, "rb") as handle:
        # by our own reader first: Arrow's ends the process where a footer is not sound
        rows = read_footer(handle).rows
        handle.seek(0)
        names = pq.ParquetFile(handle).schema_arrow.names
    columns = _columns(path, names, asked)
    return QuerySource(rows, _read(path, [*columns], columns, name, dims))


def _columns(path: str, names: Sequence[str], asked: Sequence[str]) -> dict[str, str]:
    """Columns to be read, and for what: a space, ``id`` or ``path``.

    Raises:
        InputError: none of these is there.
    """
    by_lower = {one.lower(): one for one in names}
    vectors = {one: one for one in asked if one in names}
    if len(asked) == 1 and not vectors and "vector" in by_lower:
        vectors = {by_lower["vector"]: asked[0]}
    if vectors and len(vectors) < len(asked):
        lacking = [one for one in asked if one not in vectors.values()]
        raise InputError(
            f"{path!r} has vectors for {', '.join(vectors)}, and none for {', '.join(lacking)}; "
            "add them, or name the spaces to ask about"
        )
    named = {by_lower[one]: one for one in ("id", "path") if one in by_lower}
    if not vectors and not named:
        raise InputError(
            f"{path!r} has no column to ask by: give vectors in a column "
            f"{' and one '.join(map(repr, asked))}, or images in a column 'id' or 'path'"
        )
    return {**vectors, **named}


def _read(
    path: str,
    names: Sequence[str],
    meanings: Mapping[str, str],
    name: Name,
    dims: Mapping[str, int],
) -> Iterator[BatchQuery]:
    import pyarrow.parquet as pq

    from vitrail.indexer.catalog.tables import foreign

    number = 0
    with foreign(path), open(path, "rb") as handle:
        file = pq.ParquetFile(handle, page_checksum_verification=True)
        for batch in file.iter_batches(_ROWS, columns=list(names)):
            columns = {meanings[one]: batch.column(one) for one in names}
            for row in range(batch.num_rows):
                yield _query(columns, row, number, name, dims)
                number += 1


def _query(
    columns: Mapping[str, pa.Array], row: int, number: int, name: Name, dims: Mapping[str, int]
) -> BatchQuery:
    """The question of one row: by its vectors, or by its id, or by its path."""
    known = {one: columns[one][row].as_py() for one in ("id", "path") if one in columns}
    spaces = [one for one in columns if one not in ("id", "path")]
    told = next((str(one) for one in known.values() if one is not None), f"row {number}")
    try:
        if spaces:
            return BatchQuery(told, _vectors(columns, spaces, row, dims))
        if known.get("id") is not None:
            return BatchQuery(told, _id(known["id"]))
        if known.get("path") is None:
            raise InputError("the row is empty")
        if not isinstance(known["path"], str):
            raise InputError(f"{known['path']!r:.60} is no path; give texts in column 'path'")
        return BatchQuery(told, name(original(known["path"], None)))
    except VitrailError as error:
        return BatchQuery(told, None, str(error))


def _id(given: object) -> ImageId:
    """An id, also where a table with gaps made it a float.

    Raises:
        InputError: it is no whole number.
    """
    try:
        number = int(str(given).removesuffix(".0"))
    except ValueError as error:
        raise InputError(f"{given!r:.60} is no id; give whole numbers in column 'id'") from error
    return ImageId(number)


def _vectors(
    columns: Mapping[str, pa.Array], spaces: Sequence[str], row: int, dims: Mapping[str, int]
) -> Mapping[str, Any]:
    given = {one: _vector(columns[one][row].as_py(), one) for one in spaces}
    return query_rows(given, dims)


def _vector(given: object, space: str) -> NDArray[np.float32]:
    """(1, n) float32.

    Raises:
        InputError: it is no list of numbers.
    """
    if given is None:
        raise InputError(f"the row has no vector for space {space}")
    with suppress(TypeError, ValueError):
        if isinstance(given, list):
            return np.asarray(given, np.float32)[None]
    raise InputError(f"{given!r:.60} is no vector for space {space}; give lists of numbers")
