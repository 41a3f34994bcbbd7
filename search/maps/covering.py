"""A few images that stand for many, and how well they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class Cover(NamedTuple):
    """Some images, and how near every other is to one of them.

    Attributes:
        chosen: (k,) int64 positions, in the order in which they were chosen.
        nearest: (n,) float32 cosine of each image to the nearest chosen one.
        of: (n,) int64: which of the chosen that is, 0 to k - 1.
    """

    chosen: Ints
    nearest: Floats
    of: Ints


def farthest_first(rows: Floats, count: int, *, check: Callable[[], None] = lambda: None) -> Cover:
    """Images that leave none far away: each next one is the least like those before it.

    Begins with the image nearest to the mean. The farthest that any image is from a chosen one is
    at most twice what the best choice of as many could reach (Gonzalez, 1985).

    Args:
        rows: (n, dim) float32 unit rows.
        count: images, from 1 to n. Fewer are chosen where the others are equal to them.
        check: called before each is chosen; may raise.
    """
    nearest = np.full(len(rows), -np.inf, np.float32)
    of = np.zeros(len(rows), np.int64)
    chosen: list[int] = []
    best = int(np.argmax(rows @ rows.mean(axis=0)))
    while len(chosen) < count:
        check()
        cosines = rows @ rows[best]
        nearer = cosines > nearest
        of[nearer], nearest[nearer] = len(chosen), cosines[nearer]
        nearest[best] = np.inf
        chosen.append(best)
        best = int(np.argmin(nearest))
        if np.isinf(nearest[best]) or nearest[best] >= 1 - 1e-6:
            break
    nearest[np.isinf(nearest)] = 1
    return Cover(np.array(chosen, np.int64), nearest, of)


def covered_by(rows: Floats, chosen: Ints) -> Cover:
    """How well some images stand for all.

    Args:
        rows: (n, dim) float32 unit rows.
        chosen: (k,) int64 positions, at least one.
    """
    nearest, of = np.empty(len(rows), np.float32), np.empty(len(rows), np.int64)
    for start in range(0, len(rows), 4096):
        scores = rows[start : start + 4096] @ rows[chosen].T
        of[start : start + 4096] = scores.argmax(axis=1)
        nearest[start : start + 4096] = scores.max(axis=1)
    nearest[chosen] = 1
    return Cover(chosen, nearest, of)
