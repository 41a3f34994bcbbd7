"""Plain columns of a Parquet file, each page held against its checksum.

A query reads vectors this way: DuckDB does not compare the checksums, and PyArrow, which does,
takes longer to load than all the rest of a query. Only what ``segments.write_segment`` writes is
understood (format: parquet.apache.org); for anything else there is PyArrow.
"""

from __future__ import annotations

import operator
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.files.reading import arrived
from vitrail.indexer.segments.thrift import read_struct, read_varint

_MAGIC = b"PAR1"
_TAIL = struct.Struct("<I4s")
_LENGTH = struct.Struct("<I")
_PLAIN, _UNCOMPRESSED, _DATA_PAGE = 0, 0, 0
_HEADER = 256  # bytes that a page's header seldom exceeds
_LONGEST_HEADER = 1 << 16
BYTES = 6  # Parquet's BYTE_ARRAY
_KINDS: dict[int, type] = {2: np.int64, 4: np.float32}  # Parquet's INT64 and FLOAT

Number = TypeVar("Number", np.int64, np.float32)


class NotPlainError(Exception):
    """A column that is compressed or encoded, so that it takes a whole Parquet reader."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One column of one row group.

    Attributes:
        name: of the column.
        nested: whether it is one of lists.
        kind: Parquet's number of the physical type.
        codec: Parquet's number of the compression.
        values: how many, those of nested lists together.
        start: offset of its first page.
        size: bytes of its pages with their headers.
        unpacked: what it says they are uncompressed.
    """

    name: str
    nested: bool
    kind: int
    codec: int
    values: int
    start: int
    size: int
    unpacked: int


@dataclass(frozen=True, slots=True)
class Footer:
    """What a Parquet file says about itself.

    Attributes:
        rows: how many.
        groups: the column chunks of each row group.
        metadata: the writer's own keys and values.
    """

    rows: int
    groups: tuple[tuple[Chunk, ...], ...]
    metadata: dict[bytes, bytes]


@dataclass(frozen=True, slots=True)
class _Page:
    start: int
    size: int
    values: int
    encoding: int
    crc: int


def read_footer(handle: BufferedReader) -> Footer:
    """The footer of an open file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no Parquet file, or a damaged one.
    """
    size = os.fstat(handle.fileno()).st_size
    if size < 2 * len(_MAGIC) + _TAIL.size:
        raise ValueError(f"it is cut short at {size} bytes")
    length, magic = _TAIL.unpack(_read(handle, size - _TAIL.size, _TAIL.size))
    start = size - _TAIL.size - length
    if magic != _MAGIC or start < len(_MAGIC) or _read(handle, 0, len(_MAGIC)) != _MAGIC:
        raise ValueError("it is no Parquet file, or one cut short")
    raw, _ = read_struct(_read(handle, start, length))
    try:
        groups = tuple(tuple(_chunk(column[3]) for column in group[1]) for group in raw[4])
        pairs = {pair[1]: pair.get(2, b"") for pair in raw.get(5, [])}
        footer = Footer(int(raw[3]), groups, pairs)
    except (LookupError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise ValueError("its footer cannot be understood") from error
    _check_places(footer, start)
    return footer


def _chunk(raw: dict[int, Any]) -> Chunk:
    return Chunk(
        name=raw[3][0].decode(),
        nested=len(raw[3]) > 1,
        kind=int(raw[1]),
        codec=int(raw[4]),
        values=int(raw[5]),
        # A dictionary would come first; without rows it is all there is.
        start=min((int(at) for at in (raw[9], raw.get(11)) if at), default=0),
        size=int(raw[7]),
        unpacked=int(raw[6]),
    )


def _check_places(footer: Footer, end: int) -> None:
    """Refuse chunks that overlap: no checksum covers the footer, and each page must be its own."""
    at = len(_MAGIC)
    chunks = [chunk for group in footer.groups for chunk in group if chunk.size]
    for chunk in sorted(chunks, key=lambda chunk: chunk.start):
        if chunk.start < at or chunk.size < 0:
            raise ValueError(f"column {chunk.name} is said to lie where it cannot")
        at = chunk.start + chunk.size
    if at > end:
        raise ValueError("its columns are said to reach beyond its end")


def read_column(
    handle: BufferedReader,
    footer: Footer,
    name: str,
    dtype: type[Number],
    *,
    width: int = 1,
    skip: int = 0,
) -> NDArray[Number]:
    """The values of a column without nulls, flat.

    Args:
        handle: the open file.
        footer: its footer.
        name: the column.
        dtype: of its values.
        width: values of each row.
        skip: rows to leave out at the beginning; pages of nothing else are not read.

    Raises:
        OSError: it cannot be read.
        ValueError: a page fails its checksum, or the file is otherwise damaged.
        NotPlainError: the column takes another reader.
    """
    parts: list[NDArray[Number]] = []
    before = skip * width
    for group in footer.groups:
        named = [chunk for chunk in group if chunk.name == name]
        if len(named) != 1:
            raise ValueError(f"it has {len(named)} columns named {name}")
        if _KINDS.get(named[0].kind) is not dtype or named[0].codec != _UNCOMPRESSED:
            raise NotPlainError(name)
        if named[0].values > before:
            parts.append(_read_chunk(handle, named[0], dtype, before))
        before = max(0, before - named[0].values)
    values = parts[0] if len(parts) == 1 else np.concatenate([*parts, np.empty(0, dtype)])
    if len(values) != (footer.rows - skip) * width:
        raise ValueError(f"column {name} has {len(values)} numbers for {footer.rows} rows")
    return values


def _read_chunk(
    handle: BufferedReader, chunk: Chunk, dtype: type[Number], skip: int
) -> NDArray[Number]:
    pages: list[_Page] = []
    before = 0  # values of the pages that are left out
    for page in _pages(handle, chunk):
        if page.encoding != _PLAIN:
            raise NotPlainError(chunk.name)
        if pages or before + page.values > skip:
            pages.append(page)
        else:
            before += page.values
    values = np.empty(sum(page.values for page in pages), np.dtype(dtype).newbyteorder("<"))
    at = 0
    for page in pages:
        _read_page(handle, page, values[at : at + page.values], nested=chunk.nested)
        at += page.values
    return values[skip - before :]


def _pages(handle: BufferedReader, chunk: Chunk) -> Iterator[_Page]:
    at, end, values = chunk.start, chunk.start + chunk.size, 0
    while values < chunk.values:
        page = _page(handle, at, end)
        at = page.start + page.size
        values += page.values
        if at > end or values > chunk.values:
            raise ValueError(f"the pages of column {chunk.name} do not fit")
        yield page


def _page(handle: BufferedReader, at: int, end: int) -> _Page:
    length = min(_HEADER, end - at)
    try:
        raw, header = read_struct(_read(handle, at, length))
    except ValueError:  # the header may be longer
        raw, header = read_struct(_read(handle, at, min(_LONGEST_HEADER, end - at)))
    try:
        if raw[1] != _DATA_PAGE or 4 not in raw:
            raise NotPlainError("a page of another kind, or without a checksum")
        size, values, encoding, crc = map(operator.index, (raw[3], raw[5][1], raw[5][2], raw[4]))
        page = _Page(at + header, size, values, encoding, crc & 0xFFFFFFFF)
    except (LookupError, TypeError) as error:
        raise ValueError("the header of a page cannot be understood") from error
    if page.values < 1 or page.size < 0:
        raise ValueError("the header of a page cannot be understood")
    return page


def _read_page(
    handle: BufferedReader, page: _Page, target: NDArray[np.generic], *, nested: bool
) -> None:
    """Read a page's values into place; before them lie the levels, which say that none is null."""
    body = target.view(np.uint8).data
    levels = _read(handle, page.start, max(0, page.size - len(body)))
    fits = len(levels) + len(body) == page.size
    got = arrived(handle.readinto(body)) if fits else -1
    if got != len(body) or zlib.crc32(body, zlib.crc32(levels)) != page.crc:
        raise ValueError("a page fails its checksum")
    if not _all_there(levels, page.values, nested=nested):
        raise NotPlainError("a column with nulls")


def _all_there(levels: bytes, values: int, *, nested: bool) -> bool:
    """Whether the definition levels, which come last, all are the highest there is: 1, or 3."""
    blocks, at = [], 0
    while at + _LENGTH.size <= len(levels):
        end = at + _LENGTH.size + _LENGTH.unpack_from(levels, at)[0]
        blocks.append(levels[at + _LENGTH.size : end])
        at = end
    if at != len(levels) or len(blocks) != (2 if nested else 1):
        return False
    width, data, at = (2, blocks[1], 0) if nested else (1, blocks[0], 0)
    while values > 0 and at < len(data):
        head, at = read_varint(data, at)
        if head & 1:  # groups of eight, packed; the highest level is all ones
            end = at + (head >> 1) * width
            count = min(values, (head >> 1) * 8)
            ones = (1 << count * width) - 1
            highest = int.from_bytes(data[at:end], "little") & ones == ones
        else:  # one level, so many times
            end, count = at + 1, head >> 1
            highest = data[at:end] == bytes([(1 << width) - 1])
        if not highest or not count:
            return False
        values, at = values - count, end
    return values <= 0


def _read(handle: BufferedReader, start: int, size: int) -> bytes:
    handle.seek(start)
    data = arrived(handle.read(size))
    if len(data) != size:
        raise ValueError("it is cut short")
    return data
