"""What an index file says it holds: magic, version, and a table of contents with a checksum.

Layout, little-endian: a 64-byte head (magic, version), the arrays at multiples of 64 bytes so that
they can be memory-mapped, a JSON table of contents, and a tail (length and CRC-32 of the table,
length of the file, magic). A file cut short anywhere has no tail, so it is told at once. An array
may have a checksum for every so many rows, kept as an array of its own, so that a large one can be
compared where it is read. Version 1 had none of these.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from io import BufferedReader
from typing import Any, TypeAlias

import numpy as np

from vitrail.indexer.errors import DamagedIndexError
from vitrail.indexer.files.reading import arrived

FORMAT_VERSION = 2
ALIGNMENT = 64  # bytes
SUMS = "sums of "  # and the name of an array: its blocks' checksums
_LARGE = 64 << 20  # bytes
_MAGIC = b"VITRAIL\x00INDEX\x00\r\n"
_END = b"VITRAILE"
_HEAD = struct.Struct("<16sI44x")
_TAIL = struct.Struct("<IIQ8s")
_DTYPES = frozenset({"<f4", "<i4", "<i8", "|u1", "<u4"})

Write: TypeAlias = Callable[[bytes], object]
"""Takes the next bytes of an array."""


@dataclass(frozen=True, slots=True)
class Section:
    """Where one array lies in the file.

    Attributes:
        block_rows: rows of the blocks that have a checksum each; 0 where there is one for all.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int
    crc32: int
    block_rows: int = 0


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file says it holds: the writer's ``header``, and name -> where an array lies.

    Attributes:
        header: what the writer passed, plain JSON types.
        sections: name -> where an array lies.
        size: bytes of the file.
    """

    header: dict[str, Any]
    sections: Mapping[str, Section]
    size: int

    @property
    def large(self) -> bool:
        """Whether comparing all checksums at once would take too long for a query."""
        return self.size > _LARGE


def head() -> bytes:
    """What a file begins with."""
    return _HEAD.pack(_MAGIC, FORMAT_VERSION)


def ending(start: int, header: Mapping[str, Any], sections: Sequence[Section]) -> bytes:
    """What a file ends with, from offset ``start`` on: table of contents and tail."""
    table = {"header": dict(header), "sections": [asdict(section) for section in sections]}
    text = json.dumps(table).encode()
    size = start + len(text) + _TAIL.size
    return text + _TAIL.pack(len(text), zlib.crc32(text), size, _END)


def parse_contents(name: str, stream: BufferedReader) -> Contents:
    """Read the table of contents of an open file, its arrays' checksums not yet compared.

    Raises:
        OSError: it cannot be read.
        DamagedIndexError: torn, foreign, or of a newer format.
    """
    size = os.fstat(stream.fileno()).st_size
    if size < _HEAD.size + _TAIL.size:
        raise DamagedIndexError(name, f"it is cut short at {size} bytes")
    table = _read_table(name, stream, size)
    sections = _read_sections(name, table, size - _TAIL.size)
    header = table.get("header")
    if not isinstance(header, dict):
        raise DamagedIndexError(name, "its table of contents has no header")
    return Contents(header, sections, size)


def _read_table(name: str, stream: BufferedReader, file_size: int) -> dict[str, Any]:
    magic, version = _HEAD.unpack(arrived(stream.read(_HEAD.size)))
    if magic != _MAGIC:
        raise DamagedIndexError(name, "it is no Vitrail index, or its head is damaged")
    if version > FORMAT_VERSION:
        raise DamagedIndexError(
            name, f"its format {version} is newer than {FORMAT_VERSION}, the newest known here"
        )
    start = file_size - _TAIL.size
    stream.seek(start)
    length, crc, size, end = _TAIL.unpack(arrived(stream.read(_TAIL.size)))
    if end != _END or size != file_size or length > start - _HEAD.size:
        raise DamagedIndexError(name, f"it is cut short or overwritten at {file_size} bytes")
    stream.seek(start - length)
    text = arrived(stream.read(length))
    if zlib.crc32(text) != crc:
        raise DamagedIndexError(name, "its table of contents fails its checksum")
    table: dict[str, Any] = json.loads(text)
    return table


def _read_sections(name: str, table: Mapping[str, Any], end: int) -> dict[str, Section]:
    sections = {}
    try:
        for row in table["sections"]:
            section = Section(**{**row, "shape": tuple(row["shape"])})
            sections[section.name] = section
    except (KeyError, TypeError) as error:
        raise DamagedIndexError(name, "its table of contents cannot be understood") from error
    for section in sections.values():
        if not _fits(section, end):
            raise DamagedIndexError(name, f"section {section.name!r} does not fit the file")
    return sections


def _fits(section: Section, end: int) -> bool:
    if section.dtype not in _DTYPES or section.offset < 0 or section.offset % ALIGNMENT:
        return False
    size = np.dtype(section.dtype).itemsize
    for side in section.shape:
        size *= side
    return 0 <= size == section.length and section.offset + section.length <= end
