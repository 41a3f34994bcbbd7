"""What one set has of another: precision and recall, density and coverage.

Around each image of a set lies a ball that reaches to its k-th nearest other image of the set.
Precision (Kynkäänniemi et al. 2019) is the share of one set's images that lie in any ball of the
other's, recall the same the other way; density and coverage (Naeem et al. 2020) count the balls of
the other set that an image lies in, and the other set's balls that hold an image.

An image on the edge of a ball lies in it. By the strict ``<`` of the authors' code, a verbatim copy
of an image that its set holds more than k times would lie outside of all balls, whose radius is 0.
Where no two distances tie, both are the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrail.search.comparison.estimates import (
    Estimate,
    by_parts,
    share_by_parts,
    split,
)

Rows = NDArray[np.floating]
Floats = NDArray[np.float32]
Marks = NDArray[np.bool_]
NEAREST = 5
"""Whose distance is a ball's radius where nothing is said, as the authors of coverage have it."""
TIE = 2e-6  # cosines that differ by less are the same: products of other shapes round otherwise
ROUNDS = 20
"""How often sets are halved for an interval; they are quartered half as often."""
_BLOCK = 1024
_DENSITY = 2  # its place among the four
_MANY = 600  # images, from which on sets are quartered: of smaller parts, variances are too great


@dataclass(frozen=True, slots=True)
class Manifolds:
    """Two sets of unit rows, and how near each row is to others.

    Attributes:
        cosines: (n, m) float32 of each row of ``a`` to each of ``b``.
        near_a: (n, k_a) float32 of each row of ``a`` to its nearest others of ``a``, nearest first.
        near_b: (m, k_b) float32 likewise in ``b``; the last of either is a ball's edge.
    """

    cosines: Floats
    near_a: Floats
    near_b: Floats

    @property
    def held(self) -> Marks:
        """(n,) bool: whether a row of ``a`` lies in any ball of ``b``."""
        marks: Marks = np.any(_within(self.cosines, self.near_b[:, -1]), axis=1)
        return marks

    @property
    def covered(self) -> Marks:
        """(m,) bool: whether the ball of a row of ``b`` holds any row of ``a``."""
        marks: Marks = np.any(_within(self.cosines, self.near_b[:, -1]), axis=0)
        return marks


@dataclass(frozen=True, slots=True)
class ManifoldMeasures:
    """What a set ``a`` has of a set ``b``.

    Attributes:
        precision: share of ``a`` that lies in balls of ``b``: how much of it is like ``b``.
        recall: share of ``b`` that lies in balls of ``a``: how much of ``b`` is like it.
        density: balls of ``b`` that an image of ``a`` lies in, by ``k``; 1 where sets are alike.
        coverage: share of ``b`` whose balls hold an image of ``a``.
    """

    precision: Estimate
    recall: Estimate
    density: Estimate
    coverage: Estimate


def manifolds(a: Rows, b: Rows, k: int = NEAREST) -> Manifolds:
    """Compare two sets.

    Args:
        a: (n, dim) floats, unit rows; more than ``k``.
        b: (m, dim) floats, unit rows; more than ``k``.
        k: whose distance is a ball's radius; in the larger set so many more as it is larger, which
            reaches about as far as in as many images as the smaller has.
    """
    ours, theirs = np.asarray(a, np.float32), np.asarray(b, np.float32)
    cosines: Floats = ours @ theirs.T
    n, m = cosines.shape
    return Manifolds(
        cosines,
        nearest(ours, max(k, round(k * n / m))),
        nearest(theirs, max(k, round(k * m / n))),
    )


def nearest(rows: Floats, count: int) -> Floats:
    """The cosines of each row to its nearest other rows, nearest first.

    Args:
        rows: (n, dim) float32 unit rows.
        count: how many, less than there are rows.

    Returns:
        (n, count) float32.
    """
    found = np.empty((len(rows), count), np.float32)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK] @ rows.T
        own = np.arange(len(block))
        block[own, start + own] = -np.inf
        best = -np.partition(-block, count - 1, axis=1)[:, :count]
        found[start : start + len(block)] = -np.sort(-best, axis=1)
    return found


def measure(
    a: Rows, b: Rows, k: int = NEAREST, *, rounds: int = ROUNDS, seed: int = 0
) -> ManifoldMeasures:
    """Precision, recall, density and coverage of two sets, with their intervals.

    These say how the numbers of as many images would differ: of more images, balls are smaller.

    Args:
        a: (n, dim) floats, unit rows; ``FEWEST_IN_BALLS`` for intervals that hold.
        b: (n, dim) floats, unit rows: as many, since larger sets have smaller balls.
        k: whose distance is a ball's radius.
        rounds: how often the sets are halved for the intervals.
        seed: of that.
    """
    every = _values(manifolds(a, b, k), k)
    count = 4 if min(len(a), len(b)) >= _MANY else 2
    parts = np.array(
        [
            [
                _values(manifolds(a[ours], b[theirs], k), k)
                for ours, theirs in zip(
                    split(len(a), count, seed + 2 * at),
                    split(len(b), count, seed + 2 * at + 1),
                    strict=True,
                )
            ]
            for at in range(max(1, 2 * rounds // count))
        ]
    )
    held = (len(a), len(b), 0, len(b))  # images that each is a share of
    made = [
        share_by_parts(every[at], parts[:, :, at], held[at])
        if at != _DENSITY
        else by_parts(every[at], parts[:, :, at])
        for at in range(4)
    ]
    return ManifoldMeasures(*made)


def _values(found: Manifolds, k: int) -> list[float]:
    in_b = _within(found.cosines, found.near_b[:, -1])
    in_a = _within(found.cosines.T, found.near_a[:, -1])
    return [
        float(in_b.any(axis=1).mean()),
        float(in_a.any(axis=1).mean()),
        float(in_b.sum(axis=1).mean() / k),
        float(in_b.any(axis=0).mean()),
    ]


def _within(cosines: Floats, reach: Floats) -> Marks:
    """(n, m) bool: whether each row lies in each of m balls, their edges included."""
    held: Marks = cosines >= reach - TIE
    return held


def by_chance(k: int) -> float:
    """The coverage of endless sets of the same kind: half of the nearest are of either set."""
    return 1 - 0.5**k
