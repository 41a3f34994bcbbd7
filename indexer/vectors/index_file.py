"""The file a vector index is kept in: named arrays, checksummed, written whole or not at all."""

from __future__ import annotations

import mmap
import os
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import DamagedIndexError
from vitrail.indexer.files.durability import replacing
from vitrail.indexer.files.reading import reading
from vitrail.indexer.vectors.blocks import Blocks, Reader, block_sums
from vitrail.indexer.vectors.index_layout import (
    ALIGNMENT,
    SUMS,
    Contents,
    Section,
    Write,
    ending,
    head,
    parse_contents,
)

_CHUNK = 1 << 22  # bytes that are written at a time,
_READ = 1 << 18  # and that are read: into memory that a process may keep

Array = NDArray[Any]
OnBytes = Callable[[int], None]
"""Told of so many more bytes that are done."""

Stream = Callable[[Write], None]
"""Hands over an array of bytes, piece by piece."""


class _Descriptor:
    """A file's descriptor, closed with the last array that may need it."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.close(self.number)


@dataclass(frozen=True, slots=True)
class IndexFile:
    """An open index file; its arrays are read-only views of the mapped file.

    Attributes:
        path: where it was read from.
        header: what the writer passed as ``header``, plain JSON types.
        sections: name -> where it lies.
        large: whether comparing all checksums at once would take too long for a query.
    """

    path: str
    header: dict[str, Any]
    sections: Mapping[str, Section]
    large: bool
    _map: mmap.mmap
    _handle: _Descriptor

    def array(self, name: str) -> Array:
        """The array ``name`` as a read-only view, its checksum not yet compared.

        Raises:
            DamagedIndexError: the file has no such array.
        """
        section = self._section(name)
        count = section.length // np.dtype(section.dtype).itemsize
        flat = np.frombuffer(self._map, section.dtype, count, section.offset)
        return flat.reshape(section.shape)

    def blocks(self, name: str) -> Blocks:
        """The checksums of an array's blocks, to be compared where it is read.

        An array that has one checksum is one block.

        Raises:
            DamagedIndexError: the file has no such array, or too few checksums for it.
        """
        section = self._section(name)
        rows = section.shape[0] if section.shape else 1
        size = section.block_rows or rows
        sums = self.array(SUMS + name) if section.block_rows else np.array([section.crc32], "<u4")
        if not section.length:
            sums = sums[:0]
        elif len(sums) != -(-rows // size):
            raise DamagedIndexError(self.path, f"section {name!r} has {len(sums)} checksums")

        block = size * section.length // max(1, rows)
        return Blocks(self.path, lambda: self._reader(section), section.length, block, sums)

    def verify(self, names: Collection[str] | None = None) -> None:
        """Compare the checksums of ``names``, by default of every array.

        Raises:
            DamagedIndexError: one differs.
            UnreadableError: the file cannot be read now.
        """
        for name, section in self.sections.items():
            if names is not None and name not in names:
                continue
            if section.block_rows:
                self.blocks(name).check_all()
            elif self._crc(section) != section.crc32:
                raise DamagedIndexError(self.path, f"section {name!r} fails its checksum")

    def _section(self, name: str) -> Section:
        section = self.sections.get(name)
        if section is None:
            raise DamagedIndexError(self.path, f"section {name!r} is missing")
        return section

    def _crc(self, section: Section) -> int:
        # In pieces: zlib releases the interpreter's lock for each, and other threads can run.
        read, value = self._reader(section), 0
        for start in range(0, section.length, _READ):
            value = zlib.crc32(read(start, min(_READ, section.length - start)), value)
        return value

    def _reader(self, section: Section) -> Reader:
        """What gives bytes of an array, by offset and size, until it is asked again."""
        if hasattr(os, "preadv"):
            return _file_reader(self.path, self._handle, section.offset)
        whole = memoryview(self._map)[section.offset : section.offset + section.length]
        return lambda start, size: whole[start : start + size]


def _file_reader(path: str, handle: _Descriptor, offset: int) -> Reader:
    """Read a mapped file and do not touch it: a disk that fails then ends no process.

    It is read to the same memory each time, which stays in the cache.
    """
    buffer = bytearray()

    def read(start: int, size: int) -> memoryview:
        nonlocal buffer
        if len(buffer) < size:
            buffer = bytearray(size)
        target, done = memoryview(buffer)[:size], 0
        with reading(path):
            while got := os.preadv(handle.number, [target[done:]], offset + start + done):
                done += got
        return target[:done]

    return read


def write_index_file(
    path: str | os.PathLike[str],
    header: Mapping[str, Any],
    arrays: Mapping[str, Array],
    *,
    block_rows: Mapping[str, int] | None = None,
    streams: Mapping[str, Stream] | None = None,
    on_bytes: OnBytes = lambda _: None,
    on_end: Callable[[], None] = lambda: None,
) -> None:
    """Write ``arrays`` and ``header`` (plain JSON types) and make them durable, or leave no trace.

    Args:
        path: the file.
        header: given back by ``read_contents``.
        arrays: name -> array.
        block_rows: name -> after how many rows an array has another checksum; one for all else.
        streams: name -> what gives an array of bytes in pieces, which is then never whole in
            memory.
        on_bytes: told of some megabytes each that are written, or whose checksums are made, which
            is the case with those of ``block_rows`` beside that. What it raises comes out of here.
        on_end: told once, before the file takes the older one's place.

    Raises:
        OSError: the disk is full or cannot be written; an older file at ``path`` is untouched.
    """
    rows = block_rows or {}
    sums = {SUMS + name: block_sums(arrays[name], count, on_bytes) for name, count in rows.items()}
    with replacing(os.path.abspath(os.fspath(path))) as temporary, open(temporary, "wb") as stream:
        stream.write(head())
        sections = _write_arrays(stream, {**arrays, **sums}, rows, on_bytes)
        for name, give in (streams or {}).items():
            sections.append(_write_pieces(stream, name, give, on_bytes))
        stream.write(ending(stream.tell(), header, sections))
        on_end()


def read_contents(path: str | os.PathLike[str]) -> Contents:
    """What a file says it holds, after checking magic, version, lengths and table of contents.

    Raises:
        FileNotFoundError: it is not there.
        UnreadableError: it cannot be read now.
        DamagedIndexError: torn, foreign, or of a newer format.
    """
    name = os.fspath(path)
    with reading(name), open(name, "rb") as stream:
        return parse_contents(name, stream)


def read_index_file(path: str | os.PathLike[str]) -> IndexFile:
    """Map an index file after checking it as ``read_contents`` does.

    Raises:
        FileNotFoundError: it is not there.
        UnreadableError: it cannot be read now.
        DamagedIndexError: torn, foreign, or of a newer format.
    """
    name = os.fspath(path)
    with reading(name), open(name, "rb") as stream:
        contents = parse_contents(name, stream)
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        handle = _Descriptor(os.dup(stream.fileno()))
        return IndexFile(name, contents.header, contents.sections, contents.large, mapped, handle)


def _write_arrays(
    stream: BinaryIO,
    arrays: Mapping[str, Array],
    block_rows: Mapping[str, int],
    on_bytes: OnBytes,
) -> list[Section]:
    sections = []
    for name, array in arrays.items():
        data = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        offset = _pad(stream)
        view = data.reshape(-1).view(np.uint8).data
        for start in range(0, len(view), _CHUNK):
            on_bytes(stream.write(view[start : start + _CHUNK]))
        blocks = block_rows.get(name, 0)
        crc = 0 if blocks else _crc(view)
        sections.append(Section(name, data.dtype.str, data.shape, offset, len(view), crc, blocks))
    return sections


def _write_pieces(stream: BinaryIO, name: str, give: Stream, on_bytes: OnBytes) -> Section:
    offset, crc = _pad(stream), 0

    def write(piece: bytes) -> None:
        nonlocal crc
        stream.write(piece)
        crc = zlib.crc32(piece, crc)
        on_bytes(len(piece))

    give(write)
    length = stream.tell() - offset
    return Section(name, "|u1", (length,), offset, length, crc)


def _pad(stream: BinaryIO) -> int:
    stream.write(bytes(-stream.tell() % ALIGNMENT))
    return stream.tell()


def _crc(view: memoryview) -> int:
    # In pieces: zlib releases the interpreter's lock for each, and other threads can run between.
    value = 0
    for start in range(0, len(view), _CHUNK):
        value = zlib.crc32(view[start : start + _CHUNK], value)
    return value
