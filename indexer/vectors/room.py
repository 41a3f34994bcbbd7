"""Room for vectors: in memory, or from some size on in a file without a name.

Vectors outgrow the memory long before they outgrow the disk. Pages of a mapped file are written out
where memory gets scarce, and a file grows where it lies, without being copied. It has no name, so
nothing is left of it once it is of no use, or its process was killed.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from vitrail.indexer.vectors.exact import Floats

LARGE = 1 << 30
"""Bytes of vectors from which on a file is worth it."""
_ZEROS = 1 << 24  # bytes written at a time


@dataclass(frozen=True, slots=True)
class Spill:
    """Where matrices go that are too large to be held in memory.

    Attributes:
        folder: of the files; ``None`` keeps everything in memory.
        least: bytes from which on a matrix goes there.
    """

    folder: str | None = None
    least: int = LARGE

    def empty(self, rows: int, dim: int) -> Room:
        """(rows, dim) float32 of any value; in memory too where the folder takes no such file."""
        if self.folder is not None and 4 * rows * dim >= self.least:
            # The disk is full, or not ours to write to: that is no reason to give no answer.
            with suppress(OSError):
                return _in_file(_Nameless(self.folder), 0, rows, dim)
        return Room(np.empty((rows, dim), np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """(capacity, dim) float32 rows.

    Attributes:
        rows: all of them.
        file: that they lie in; ``None`` if in memory.
    """

    rows: Floats
    file: _Nameless | None = None

    def grown(self, rows: int) -> Room | None:
        """The same rows and more behind them, (rows, dim); ``None`` where that takes a copy.

        What is written to one of both is to be seen in the other.
        """
        if self.file is not None:
            with suppress(OSError):
                return _in_file(self.file, len(self.rows), rows, self.rows.shape[1])
        return None


class _Nameless:
    """A file that is gone with the last that holds it.

    Raises:
        OSError: the folder takes none.
    """

    def __init__(self, folder: str) -> None:
        with tempfile.TemporaryFile(dir=folder) as file:
            self.number = os.dup(file.fileno())

    def __del__(self) -> None:
        with suppress(AttributeError):  # where there never was one
            os.close(self.number)


def _in_file(file: _Nameless, held: int, rows: int, dim: int) -> Room:
    """The first ``rows`` of a file that has room for ``held``.

    Raises:
        OSError: it cannot have so much.
    """
    _claim(file.number, 4 * held * dim, 4 * rows * dim)
    mapped = mmap.mmap(file.number, 4 * rows * dim)
    return Room(np.frombuffer(mapped, np.float32).reshape(rows, dim), file)


def _claim(number: int, start: int, end: int) -> None:
    """Take room on the disk: to write to a page that gets none would end the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(number, start, end - start)
        return
    os.lseek(number, start, os.SEEK_SET)
    while start < end:
        start += os.write(number, bytes(min(_ZEROS, end - start)))
