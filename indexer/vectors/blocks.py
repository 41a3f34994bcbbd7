"""Checksums of a large mapped matrix, each block's compared when it is first read."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from indexer.errors import DamagedIndexError

BLOCK_BYTES = 16 << 10  # a candidate's row costs the checksum of one; a table of them 4 bytes each
_READ_BYTES = 1 << 20

Sums = NDArray[np.uint32]


def rows_of_block(row_bytes: int) -> int:
    """How many rows a block has: whole ones, so that no row lies in two."""
    return max(1, BLOCK_BYTES // max(1, row_bytes))


def block_sums(matrix: NDArray[np.generic], rows: int) -> Sums:
    """CRC-32 of every ``rows`` rows of a contiguous matrix, the last block perhaps of fewer."""
    starts = range(0, len(matrix), rows)
    return np.array([zlib.crc32(matrix[at : at + rows].data) for at in starts], np.uint32)


class Blocks:
    """What of a matrix in a file has been compared with its checksums.

    Threads may share it: two may compare the same block, with the same outcome.

    Args:
        path: the file.
        read: gives bytes of the matrix by offset and size.
        length: of the matrix, in bytes.
        block: bytes of one block.
        sums: CRC-32 of each.
    """

    def __init__(
        self, path: str, read: Callable[[int, int], bytes], length: int, block: int, sums: Sums
    ) -> None:
        self._path = path
        self._read = read
        self._length = length
        self._block = block
        self._sums = sums.tolist()
        self._seen = np.zeros(len(sums), bool)
        self._done = not len(sums)

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
        for number in blocks[~self._seen[blocks]].tolist():
            self._compare(number, 1)

    def check_all(self) -> None:
        """Compare every block that has not been yet.

        Raises:
            DamagedIndexError: one is altered.
            UnreadableError: the file cannot be read now.
        """
        if self._done:
            return
        many = max(1, _READ_BYTES // self._block)
        for start in range(0, len(self._sums), many):
            if not self._seen[start : start + many].all():
                self._compare(start, min(many, len(self._sums) - start))
        self._done = True

    def _compare(self, first: int, count: int) -> None:
        start = first * self._block
        data = memoryview(self._read(start, min(count * self._block, self._length - start)))
        for number in range(count):
            at = number * self._block
            if zlib.crc32(data[at : at + self._block]) != self._sums[first + number]:
                block = f"block {first + number + 1} of {len(self._sums)}"
                raise DamagedIndexError(self._path, f"{block} of its vectors fails its checksum")
        self._seen[first : first + count] = True
