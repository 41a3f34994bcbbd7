"""Checksums of a large mapped matrix, each block's compared when it is first read."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import DamagedIndexError

BLOCK_BYTES = 16 << 10  # a candidate's row costs the checksum of one; a table of them 4 bytes each
_TOLD_BYTES = 1 << 22
_READ_BYTES = 1 << 18  # into memory that a process may keep
_THREAD_BYTES = 32 << 20  # that are worth a thread
_MOST_THREADS = 4

Sums = NDArray[np.uint32]
Reader = Callable[[int, int], memoryview]
"""Offset in bytes, size -> those bytes, good until it is asked again; not for several threads."""


def rows_of_block(row_bytes: int) -> int:
    """How many rows a block has: whole ones, so that no row lies in two."""
    return max(1, BLOCK_BYTES // max(1, row_bytes))


def block_sums(
    matrix: NDArray[np.generic], rows: int, on_bytes: Callable[[int], None] = lambda _: None
) -> Sums:
    """CRC-32 of every ``rows`` rows of a contiguous matrix, the last block perhaps of fewer.

    ``on_bytes`` is told of some megabytes each that are done.
    """
    sums, told = [], max(1, _TOLD_BYTES // max(1, matrix[:rows].nbytes)) * rows
    for start in range(0, len(matrix), told):
        part = matrix[start : start + told]
        sums += [zlib.crc32(part[at : at + rows].data) for at in range(0, len(part), rows)]
        on_bytes(part.nbytes)
    return np.array(sums, np.uint32)


class Blocks:
    """What of a matrix in a file has been compared with its checksums.

    Threads may share it: two may compare the same block, with the same outcome.

    Args:
        path: the file.
        reader: makes what reads the matrix.
        length: of the matrix, in bytes.
        block: bytes of one block.
        sums: CRC-32 of each.
    """

    def __init__(
        self,
        path: str,
        reader: Callable[[], Reader],
        length: int,
        block: int,
        sums: Sums,
    ) -> None:
        self._path = path
        self._reader = reader
        self._length = length
        self._block = block
        self._sums = sums.tolist()
        self._seen = np.zeros(len(sums), bool)
        self._done = not len(sums)

    @property
    def done(self) -> bool:
        """Whether all of it has been compared."""
        return self._done

    @property
    def share(self) -> float:
        """How much has been compared, from 0 to 1."""
        return 1.0 if self._done else float(self._seen.mean())

    def check(self, offsets: NDArray[np.int64]) -> None:
        """Compare the blocks that hold these (n,) offsets in bytes from the matrix's start.

        Raises:
            DamagedIndexError: one is altered.
            UnreadableError: the file cannot be read now.
        """
        if self._done:
            return
        blocks = np.unique(offsets // self._block)
        unseen = blocks[~self._seen[blocks]].tolist()
        if unseen:
            read = self._reader()
            for number in unseen:
                self._compare(number, 1, read)

    def check_all(self) -> None:
        """Compare every block that has not been yet.

        Raises:
            DamagedIndexError: one is altered.
            UnreadableError: the file cannot be read now.
        """
        if self._done:
            return
        many = max(1, _READ_BYTES // self._block)
        starts = range(0, len(self._sums), many)
        threads = min(_MOST_THREADS, os.cpu_count() or 1, self._length // _THREAD_BYTES)
        if threads < 2:
            self._compare_from(starts, many)
        else:  # reading and zlib let other threads run
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(threads) as pool:
                shares = [starts[number::threads] for number in range(threads)]
                list(pool.map(self._compare_from, shares, [many] * threads))
        self._done = True

    def _compare_from(self, starts: range, many: int) -> None:
        read = self._reader()
        for start in starts:
            if not self._seen[start : start + many].all():
                self._compare(start, min(many, len(self._sums) - start), read)

    def _compare(self, first: int, count: int, read: Reader) -> None:
        start = first * self._block
        if count > 1:  # small ones are read together
            data = read(start, min(count * self._block, self._length - start))
            cut = range(0, count * self._block, self._block)
            found = [zlib.crc32(data[at : at + self._block]) for at in cut]
        else:
            found = [self._crc(start, min(start + self._block, self._length), read)]
        for number, value in enumerate(found, first):
            if value != self._sums[number]:
                block = f"block {number + 1} of {len(self._sums)}"
                raise DamagedIndexError(self._path, f"{block} of its vectors fails its checksum")
        self._seen[first : first + count] = True

    def _crc(self, start: int, end: int, read: Reader) -> int:
        """Of one block, which may be all there is, in pieces."""
        value = 0
        for at in range(start, end, _READ_BYTES):
            value = zlib.crc32(read(at, min(_READ_BYTES, end - at)), value)
        return value
