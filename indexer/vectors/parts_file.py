"""The parts of a vector index as sections of its file."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.building import OnStep, no_step
from vitrail.indexer.vectors.blocks import rows_of_block
from vitrail.indexer.vectors.checks import check_new, unit_rows
from vitrail.indexer.vectors.graph import NeighbourGraph
from vitrail.indexer.vectors.index_file import IndexFile, Stream, write_index_file
from vitrail.indexer.vectors.lists import InvertedLists
from vitrail.indexer.vectors.parts import Parts
from vitrail.indexer.vectors.policy import IndexPolicy
from vitrail.indexer.vectors.room import Spill
from vitrail.indexer.vectors.rows import Rows
from vitrail.indexer.vectors.tail import Tail

LATER = frozenset({"vectors", "graph"})
"""Sections that are compared with their checksums where they are first read."""


_GRAPH_BYTES, _LIST_BYTES = 145, 24  # of a row, beside a byte or a bit for each number


def write_parts(
    path: str | os.PathLike[str],
    parts: Parts,
    dim: int,
    meta: dict[str, Any],
    on_step: OnStep = no_step,
) -> None:
    """Write ``parts`` of ``dim`` columns and ``meta`` (plain JSON types) durably, in one step.

    ``on_step`` is told of ``writing``: as many rows as the share of bytes that is written, nearly.

    Raises:
        OSError: the disk is full or not writable; an older file at ``path`` is untouched.
        DamagedIndexError: stored vectors are altered.
        UnreadableError: they cannot be read now.
    """
    base, lists, graph, tail = parts.base, parts.lists, parts.graph, parts.tail.kept()
    header: dict[str, Any] = {"kind": parts.kind, "dim": dim, "meta": meta}
    arrays: dict[str, NDArray[Any]] = {
        "ids": base.ids,
        "vectors": base.matrix,
        "hidden": base.hidden.view(np.uint8),
        "tail_ids": tail.ids,
        "tail_vectors": tail.matrix,
    }
    streams: dict[str, Stream] = {}
    expected = sum(array.nbytes for array in arrays.values()) + base.matrix.nbytes
    if lists is not None:
        header["lists"] = lists.header()
        streams["lists"] = lists.write_to
        expected += len(base.ids) * (_LIST_BYTES + dim // 8)
    if graph is not None:
        header["graph"] = graph.header()
        streams["graph"] = graph.write_to
        arrays["graph_turn"], arrays["graph_places"] = graph.turn, graph.places
        expected += len(base.ids) * (_GRAPH_BYTES + dim)
    rows = {"vectors": rows_of_block(4 * dim)}
    written, total = 0, len(parts)

    def on_bytes(more: int) -> None:
        nonlocal written
        written += more
        on_step("writing", min(total, total * written // max(1, expected)), total)

    write_index_file(
        path,
        header,
        arrays,
        block_rows=rows,
        streams=streams,
        on_bytes=on_bytes,
        on_end=lambda: on_step("writing", total, total),
    )


def read_parts(file: IndexFile, policy: IndexPolicy, *, lazily: bool) -> tuple[int, Parts]:
    """The number of columns and the parts in a file whose checksums are compared.

    Args:
        file: as ``write_parts`` wrote it.
        policy: when to scan and when to approximate.
        lazily: whether sections that are read ``LATER`` have not been compared yet.

    Raises:
        KeyError, TypeError, ValueError, InputError: its parts disagree.
    """
    ids, matrix, hidden = (file.array(name) for name in ("ids", "vectors", "hidden"))
    dim = int(file.header["dim"])
    if matrix.shape != (len(ids), dim) or hidden.shape != ids.shape:
        raise ValueError(f"{len(ids)} ids, {len(hidden)} marks, vectors {matrix.shape}")
    lists = None
    if "lists" in file.header:
        lists = InvertedLists.from_bytes(file.array("lists"), file.header["lists"])
    blocks = file.blocks("vectors") if lazily else None
    rows = Rows(ids, matrix, hidden.astype(bool), blocks)
    tail = _tail(file, dim, rows)
    return dim, Parts(rows, lists, tail, policy, _graph(file, len(ids), dim, lazily=lazily))


def _tail(file: IndexFile, dim: int, base: Rows) -> Tail:
    ids = np.asarray(file.array("tail_ids"), np.int64)
    vectors = unit_rows(file.array("tail_vectors"), dim, "vector")
    if len(ids) != len(vectors):
        raise ValueError(f"{len(ids)} ids, {len(vectors)} vectors of a tail")
    tail = Tail.empty(dim, Spill(os.path.dirname(file.path)))
    check_new(ids, (base, tail))
    return tail.appended(ids, vectors) if len(ids) else tail


def _is_permutation(places: NDArray[Any]) -> bool:
    """Whether (n,) numbers are 0..n-1 in some order."""
    if places.dtype != np.int32 or not len(places):
        return places.dtype == np.int32
    if places.min() < 0 or places.max() >= len(places):
        return False
    met = np.zeros(len(places), bool)
    met[places] = True
    return bool(met.all())


def _graph(file: IndexFile, rows: int, dim: int, *, lazily: bool) -> NeighbourGraph | None:
    if "graph" not in file.header:
        return None
    turn, section = file.array("graph_turn"), file.array("graph")
    if turn.ndim == 2:  # of an earlier make: the next build makes another
        return None
    places = file.array("graph_places")
    if turn.ndim != 3 or turn.shape[0] * turn.shape[1] != dim or places.shape != (rows,):
        fits = f"a graph's turn {turn.shape} and places {places.shape}"
        raise ValueError(f"{rows} vectors of {dim} numbers, {fits}")
    if not _is_permutation(places):
        raise ValueError("a graph's places are not those of the rows, each once")

    def read() -> NDArray[np.uint8]:
        if lazily:
            file.verify({"graph"})
        return section

    return NeighbourGraph.from_bytes(read, section.size, turn, places, file.header["graph"])
