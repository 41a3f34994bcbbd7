"""FAISS's indexes written, copied and put in order with little more memory than they take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.vectors.index_layout import Write

_PIECE = 1 << 22  # bytes
_COLUMNS = 64  # bytes of a row that are moved together: what a processor reads at once
_LINKS = 33.2  # of a row with 16 neighbours, in the mean over all floors, and somewhat more


def _faiss() -> Any:
    """FAISS, loaded late because it takes a third of a second; its stubs miss half of its calls."""
    import faiss

    return faiss


def write_pieces(index: Any, write: Write) -> None:
    """Hand an index over as FAISS serialises it, at most some megabytes at a time.

    Whatever ``write`` raises comes out of here.
    """
    faiss = _faiss()
    faiss.write_index(index, faiss.PyCallbackIOWriter(write, _PIECE))


def read_copy(data: NDArray[np.uint8]) -> Any:
    """An index of its own memory from what ``write_pieces`` wrote, (n,) bytes."""
    faiss, place = _faiss(), 0

    def read(size: int) -> bytes:
        nonlocal place
        piece = data[place : place + size].tobytes()
        place += len(piece)
        return piece

    return faiss.read_index(faiss.PyCallbackIOReader(read, _PIECE))


def reserve(index: Any, rows: int) -> None:
    """Make room for so many rows of a ``faiss.IndexHNSWSQ`` that holds its own memory.

    FAISS would copy all that is there to twice the room whenever it is full.
    """
    codes, graph = _faiss().downcast_index(index.storage).codes, index.hnsw
    wanted = (
        (codes, rows * index.d),
        (graph.neighbors, int(rows * _LINKS)),
        (graph.offsets, rows + 1),
        (graph.levels, rows),
    )
    for numbers, size in wanted:
        held = numbers.size()
        if held < size:
            numbers.resize(size)
            numbers.resize(held)  # the room stays


def permute(
    index: Any, order: NDArray[np.int64], on_rows: Callable[[int], None] = lambda _: None
) -> None:
    """As ``permute_entries`` of a ``faiss.IndexHNSWSQ``, which copies all codes at once.

    Args:
        index: of its own memory.
        order: (n,) which row comes to each place.
        on_rows: told how many rows' worth of numbers is moved, n at the end.
    """
    faiss = _faiss()
    codes = faiss.downcast_index(index.storage).codes
    rows = faiss.rev_swig_ptr(codes.data(), codes.size()).reshape(len(order), -1)
    for start in range(0, rows.shape[1], _COLUMNS):
        part = rows[:, start : start + _COLUMNS]
        part[:] = part[order]
        on_rows(len(order) * min(start + _COLUMNS, rows.shape[1]) // rows.shape[1])
    index.hnsw.permute_entries(faiss.swig_ptr(order))
