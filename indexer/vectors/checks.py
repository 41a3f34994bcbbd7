"""What an index accepts: unit vectors of its width, and ids that it does not hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from vitrail.indexer.errors import InputError
from vitrail.indexer.vectors.exact import UNIT, Floats, Ids

if TYPE_CHECKING:
    from vitrail.indexer.vectors.rows import Rows


def unit_rows(rows: Floats, dim: int, noun: str) -> Floats:
    """The rows as contiguous (n, dim) float32.

    Args:
        rows: (n, dim), of length 1 each.
        dim: the index's width.
        noun: what a message calls a row.

    Raises:
        InputError: another shape, or a row is not finite or not of length 1.
    """
    rows = np.ascontiguousarray(rows, np.float32)
    if rows.ndim != 2 or rows.shape[1] != dim:
        raise InputError(
            f"{noun} array of shape {rows.shape} does not fit this index of (n, {dim})"
        )
    if len(rows) == 1 and abs(float(rows[0] @ rows[0]) - 1) <= UNIT:  # the same, sooner
        return rows
    if (np.abs(np.vecdot(rows, rows) - 1) <= UNIT).all():  # and their roots are nearer still
        return rows
    for place, length in odd_lengths(rows).items():
        raise InputError(
            f"{noun} {place} has length {length:.6g} where 1 is expected: "
            "normalise it, and check that it is finite"
        )
    return rows


def odd_lengths(rows: Floats) -> dict[int, float]:
    """Which of (n, dim) rows are not of length 1: position -> length, which may be NaN."""
    lengths = np.sqrt(np.einsum("nd,nd->n", rows, rows))
    wrong = np.flatnonzero(~(np.abs(lengths - 1) <= UNIT))  # true for NaN as well
    return {int(place): float(lengths[place]) for place in wrong}


def check_new(ids: Ids, held: Iterable[Rows]) -> None:
    """Refuse ids that cannot be added to what is held.

    Args:
        ids: (n,) int64.
        held: the parts of an index.

    Raises:
        InputError: an id is negative, doubled or held already.
    """
    if len(ids) and ids.min() < 0:
        raise InputError(f"id {ids.min()} is negative; ids start at 0")
    values, counts = np.unique(ids, return_counts=True)
    if len(values) < len(ids):
        raise InputError(f"id {values[counts > 1][0]} is given twice")
    for rows in held:
        known = rows.positions(values) >= 0
        if known.any():
            raise InputError(f"id {values[known][0]} is in the index already; hide it first")
