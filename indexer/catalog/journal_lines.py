"""The lines of a journal file: each with the checksum of what it says.

A line is ``checksum seq mark JSON``. Lines marked ``+`` belong to the record that the next line
marked ``=`` completes; a record without its last line never happened.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from vitrail.indexer.files.reading import arrived

_DIGEST = 16  # hex digits
_BLOCK = 1 << 20  # bytes read at a time
_START = re.compile(rb"(?=[0-9a-f]{16} \d+ [+=] )")
_TAIL = 1 << 16  # bytes, in which a last record is looked for first


class Line(NamedTuple):
    """One line that agrees with its checksum.

    Attributes:
        seq: the commit that it belongs to.
        whole: whether it is its record's last one.
        text: JSON.
        end: offset of the byte after it.
    """

    seq: int
    whole: bool
    text: bytes
    end: int


def encode(seq: int, content: dict[str, Any], *, whole: bool) -> bytes:
    """A line of commit ``seq``'s record; ``whole`` for its last one."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    body = f"{seq} {'=' if whole else '+'} {text}".encode()
    return _checksum(body) + b" " + body + b"\n"


def read_line(data: bytes, end: int) -> Line | None:
    """What the bytes of a line say; ``None`` where they disagree with their checksum.

    Args:
        data: the bytes, the line's break included.
        end: offset of the byte after them.
    """
    body = data[_DIGEST + 1 : -1]
    if data != _checksum(body) + b" " + body + b"\n":
        return None
    seq, mark, text = body.split(b" ", 2)
    return Line(int(seq), mark == b"=", text, end)


def read_lines(path: str) -> Iterator[Line | None]:
    """The lines of a file; ``None`` for one that disagrees with its checksum.

    Raises:
        OSError: it cannot be read now.
    """
    end = 0
    for data in _raw_lines(path):
        end += len(data)
        line = read_line(data, end)
        yield line
        if line is None and (inner := _last_within(data, end)) is not None:
            yield inner


def _raw_lines(path: str) -> Iterator[bytes]:
    """The bytes of each line with its break; read by hand, lest a refusal be taken for the end."""
    rest = b""
    with open(path, "rb", buffering=0) as file:
        while block := arrived(file.read(_BLOCK)):
            *lines, rest = (rest + block).split(b"\n")
            yield from (line + b"\n" for line in lines)
    if rest:
        yield rest


def _last_within(data: bytes, end: int) -> Line | None:
    """The line that ends a longer one, whose own break was altered."""
    found = (read_line(data[start.start() :], end) for start in _START.finditer(data, 1))
    return next((line for line in found if line is not None), None)


def read_endings(path: str) -> Iterator[list[Line]]:
    """The lines of a file's end that agree with their checksums, of ever more of it.

    So it costs little to find the last ones, however long the file is.

    Raises:
        OSError: it cannot be read now.
    """
    size, part = os.path.getsize(path), _TAIL
    while True:
        with open(path, "rb", buffering=0) as file:
            file.seek(max(0, size - part))
            data: bytes = arrived(file.read())
        lines = [read_line(one, 0) for one in data.splitlines(keepends=True)]
        yield [line for line in lines if line is not None]
        if part >= size:
            return
        part *= 8


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST // 2).hexdigest().encode()
