"""Copies among stored vectors: so many equal rows that no answer can hold them all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.vectors.exact import Floats, Ids
from vitrail.indexer.vectors.meetings import Side

_SEED = 20261130


def without_spare(side: Side, kept: int) -> Ids:
    """Ascending positions of all rows but those with ``kept`` equal ones before them.

    Equal rows score alike and come by their ids, so the others are in no answer of ``kept`` rows;
    and a thousand blank images would otherwise meet one another a million times for nothing.
    """
    every = np.arange(len(side))
    marks = np.concatenate([np.zeros(0, np.uint64), *_hashes(side.blocks(every), side.dim)])
    order = np.argsort(marks, kind="stable")
    ordered = marks[order]
    first = np.searchsorted(ordered, ordered, side="left")
    spare = np.flatnonzero(np.arange(len(order)) - first >= kept)
    if not len(spare):
        return every
    keep = np.ones(len(side), bool)
    for start in range(0, len(spare), 4096):
        some = spare[start : start + 4096]
        like = side.rows(order[some]) == side.rows(order[first[some]])
        keep[order[some[like.all(axis=1)]]] = False
    return np.flatnonzero(keep)


def _hashes(blocks: Iterable[tuple[Ids, Floats]], dim: int) -> Iterator[NDArray[np.uint64]]:
    """64 bits of each row, alike for equal ones."""
    odd = np.random.default_rng(_SEED).integers(1 << 63, size=dim, dtype=np.uint64) * 2 + 1
    for _, rows in blocks:
        bits = (rows + np.float32(0)).view(np.uint32)  # -0 becomes 0
        yield (bits * odd).sum(axis=1, dtype=np.uint64)
