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
    split,
)

Rows = NDArray[np.floating]
Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
Marks = NDArray[np.bool_]
NEAREST = 5
"""Whose distance is a ball's radius where nothing is said, as the authors of coverage have it."""
TIE = 2e-6  # cosines that differ by less are the same: products of other shapes round otherwise
ROUNDS = 10
"""How often sets are parted for an interval."""
_BLOCK = 1024
_DENSITY = 2  # its place among the four
_QUARTERS, _MANY = 4, 150  # parts of sets of so many images; smaller ones are halved


@dataclass(frozen=True, slots=True)
class Manifolds:
    """Two sets of unit rows, and how near each row is to others.

    Attributes:
        cosines: (n, m) float32 of each row of ``a`` to each of ``b``.
        near_a: neighbours of each row of ``a`` in ``a``.
        near_b: likewise in ``b``.
        k: whose distance is a ball's radius.
    """

    cosines: Floats
    near_a: NearestRows
    near_b: NearestRows
    k: int = NEAREST

    @property
    def held(self) -> Marks:
        """(n,) bool: whether a row of ``a`` lies in any ball of ``b``."""
        marks: Marks = np.any(_within(self.cosines, self.near_b.reach(self.k)), axis=1)
        return marks

    @property
    def covered(self) -> Marks:
        """(m,) bool: whether the ball of a row of ``b`` holds any row of ``a``."""
        marks: Marks = np.any(_within(self.cosines, self.near_b.reach(self.k)), axis=0)
        return marks

    def swapped(self) -> Manifolds:
        """The same, with the sets in the other order."""
        return Manifolds(self.cosines.T, self.near_b, self.near_a, self.k)


@dataclass(frozen=True, slots=True)
class NearestRows:
    """The nearest other rows of each row of a set.

    Attributes:
        ids: (n, s) int64 rows, nearest first.
        cosines: (n, s) float32.
    """

    ids: Ids
    cosines: Floats

    def reach(self, k: int) -> Floats:
        """(n,) float32: the cosine of each row's k-th nearest other row."""
        return self.cosines[:, k - 1]


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
        k: whose distance is a ball's radius.
    """
    ours, theirs = np.asarray(a, np.float32), np.asarray(b, np.float32)
    cosines: Floats = ours @ theirs.T
    return Manifolds(cosines, neighbours(ours, k), neighbours(theirs, k), k)


def neighbours(rows: Floats, count: int) -> NearestRows:
    """The nearest other rows of each row, nearest first.

    Args:
        rows: (n, dim) float32 unit rows.
        count: how many; fewer where there are fewer.
    """
    count = min(count, len(rows) - 1)
    ids = np.empty((len(rows), count), np.int64)
    cosines = np.empty((len(rows), count), np.float32)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK] @ rows.T
        own = np.arange(len(block))
        block[own, start + own] = -np.inf
        best = np.argpartition(-block, count - 1, axis=1)[:, :count]
        found = np.take_along_axis(block, best, axis=1)
        order = np.argsort(-found, axis=1, kind="stable")
        ids[start : start + len(block)] = np.take_along_axis(best, order, axis=1)
        cosines[start : start + len(block)] = np.take_along_axis(found, order, axis=1)
    return NearestRows(ids, cosines)


def measure(
    a: Rows, b: Rows, k: int = NEAREST, *, rounds: int = ROUNDS, seed: int = 0
) -> ManifoldMeasures:
    """Precision, recall, density and coverage of two sets, with their intervals.

    These say how the numbers of as many images would differ: of more images, balls are smaller.

    Args:
        a: (n, dim) floats, unit rows; ``FEWEST_IN_BALLS`` for intervals that hold.
        b: (m, dim) floats, unit rows, best as many: larger sets have smaller balls.
        k: whose distance is a ball's radius.
        rounds: how often the sets are parted for the intervals.
        seed: of that.
    """
    every = _values(manifolds(a, b, k))
    count = _QUARTERS if min(len(a), len(b)) >= _MANY else 2
    parts = np.array(
        [
            [
                _values(manifolds(a[ours], b[theirs], k))
                for ours, theirs in zip(
                    split(len(a), count, seed + 2 * at),
                    split(len(b), count, seed + 2 * at + 1),
                    strict=True,
                )
            ]
            for at in range(rounds)
        ]
    )
    made = [by_parts(every[at], parts[:, :, at], share=at != _DENSITY) for at in range(4)]
    return ManifoldMeasures(*made)


def _values(found: Manifolds) -> list[float]:
    reach_a, reach_b = found.near_a.reach(found.k), found.near_b.reach(found.k)
    return _told(found.cosines, reach_a, reach_b, found.k)


def _told(cosines: Floats, reach_a: Floats, reach_b: Floats, k: int) -> list[float]:
    in_b = _within(cosines, reach_b)
    in_a = _within(cosines.T, reach_a)
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
