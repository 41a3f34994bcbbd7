"""The file a vector index is kept in: named arrays, checksummed, written whole or not at all.

Layout, little-endian: a 64-byte head (magic, version), the arrays at multiples of 64 bytes so that
they can be memory-mapped, a JSON table of contents, and a tail (length and CRC-32 of the table,
length of the file, magic). A file cut short anywhere has no tail, so it is told at once.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from indexer.errors import DamagedIndexError
from indexer.store.durability import replacing

FORMAT_VERSION = 1
_MAGIC = b"VITRAIL\x00INDEX\x00\r\n"
_END = b"VITRAILE"
_HEAD = struct.Struct("<16sI44x")
_TAIL = struct.Struct("<IIQ8s")
_ALIGN = 64
_CHUNK = 1 << 22
_DTYPES = frozenset({"<f4", "<i8", "|u1"})

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Section:
    """Where one array lies in the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int
    crc32: int


@dataclass(frozen=True, slots=True)
class IndexFile:
    """An open index file; its arrays are read-only views of the mapped file.

    Attributes:
        path: where it was read from.
        header: what the writer passed as ``header``, plain JSON types.
        sections: name -> where it lies.
    """

    path: str
    header: dict[str, Any]
    sections: Mapping[str, Section]
    _map: mmap.mmap

    def array(self, name: str) -> Array:
        """The array ``name`` as a read-only view, its checksum not yet compared.

        Raises:
            DamagedIndexError: the file has no such array.
        """
        section = self.sections.get(name)
        if section is None:
            raise DamagedIndexError(self.path, f"section {name!r} is missing")
        count = section.length // np.dtype(section.dtype).itemsize
        flat = np.frombuffer(self._map, section.dtype, count, section.offset)
        return flat.reshape(section.shape)

    def verify(self, names: Collection[str] | None = None) -> None:
        """Compare the checksums of ``names``, by default of every array.

        Raises:
            DamagedIndexError: one differs.
        """
        for name, section in self.sections.items():
            if names is not None and name not in names:
                continue
            with memoryview(self._map) as whole:
                found = _crc(whole[section.offset : section.offset + section.length])
            if found != section.crc32:
                raise DamagedIndexError(self.path, f"section {name!r} fails its checksum")


def write_index_file(
    path: str | os.PathLike[str], header: Mapping[str, Any], arrays: Mapping[str, Array]
) -> None:
    """Write ``arrays`` and ``header`` (plain JSON types) and make them durable, or leave no trace.

    Raises:
        OSError: the disk is full or cannot be written; an older file at ``path`` is untouched.
    """
    with replacing(os.path.abspath(os.fspath(path))) as temporary, open(temporary, "wb") as stream:
        _write(stream, header, arrays)


def read_index_file(path: str | os.PathLike[str]) -> IndexFile:
    """Map an index file after checking its frame: magic, version, lengths and table of contents.

    Raises:
        DamagedIndexError: missing, torn, foreign, or of a newer format.
    """
    name = os.fspath(path)
    try:
        with open(name, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size < _HEAD.size + _TAIL.size:
                raise DamagedIndexError(name, f"it is cut short at {size} bytes")
            mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise DamagedIndexError(name, f"it cannot be read: {error.strerror or error}") from error
    table = _read_table(name, mapped)
    sections = _read_sections(name, table, len(mapped) - _TAIL.size)
    header = table.get("header")
    if not isinstance(header, dict):
        raise DamagedIndexError(name, "its table of contents has no header")
    return IndexFile(name, header, sections, mapped)


def _write(stream: BinaryIO, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    stream.write(_HEAD.pack(_MAGIC, FORMAT_VERSION))
    sections = []
    for name, array in arrays.items():
        data = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        offset = _pad(stream)
        view = data.reshape(-1).view(np.uint8).data
        for start in range(0, len(view), _CHUNK):
            stream.write(view[start : start + _CHUNK])
        sections.append(
            {
                "name": name,
                "dtype": data.dtype.str,
                "shape": list(data.shape),
                "offset": offset,
                "length": len(view),
                "crc32": _crc(view),
            }
        )
    table = json.dumps({"header": dict(header), "sections": sections}).encode()
    stream.write(table)
    stream.write(_TAIL.pack(len(table), zlib.crc32(table), stream.tell() + _TAIL.size, _END))


def _pad(stream: BinaryIO) -> int:
    stream.write(bytes(-stream.tell() % _ALIGN))
    return stream.tell()


def _crc(view: memoryview) -> int:
    # In pieces: zlib releases the interpreter's lock for each, and other threads can run between.
    value = 0
    for start in range(0, len(view), _CHUNK):
        value = zlib.crc32(view[start : start + _CHUNK], value)
    return value


def _read_table(name: str, mapped: mmap.mmap) -> dict[str, Any]:
    magic, version = _HEAD.unpack_from(mapped, 0)
    if magic != _MAGIC:
        raise DamagedIndexError(name, "it is no Vitrail index, or its head is damaged")
    if version > FORMAT_VERSION:
        raise DamagedIndexError(
            name, f"its format {version} is newer than {FORMAT_VERSION}, the newest known here"
        )
    start = len(mapped) - _TAIL.size
    length, crc, size, end = _TAIL.unpack_from(mapped, start)
    if end != _END or size != len(mapped) or length > start - _HEAD.size:
        raise DamagedIndexError(name, f"it is cut short or overwritten at {len(mapped)} bytes")
    text = mapped[start - length : start]
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
    if section.dtype not in _DTYPES or section.offset < 0 or section.offset % _ALIGN:
        return False
    size = np.dtype(section.dtype).itemsize
    for side in section.shape:
        size *= side
    return 0 <= size == section.length and section.offset + section.length <= end
