"""The kernel distance of two sets of features (Bińkowski et al. 2018), and what each image does.

It is the unbiased estimate of the squared maximum mean discrepancy by the kernel
``(x·y / dim + 1)³``, of features that are unit rows times the root of their width: of two images,
``(cosine + 1)³``. The mean over random subsets, as it is often given, estimates the same with more
noise: over all subsets it is the number here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrail.search.comparison.estimates import Doubles, Estimate, half_width

Rows = NDArray[np.floating]
DEGREE = 3
_BLOCK = 1024  # rows of a product


@dataclass(frozen=True, slots=True)
class KernelSums:
    """What the kernel distance is made of.

    Attributes:
        within_a: (n,) float64 sums of each row of ``a`` with the others of ``a``.
        within_b: (m,) float64 likewise.
        a_to_b: (n,) float64 sums of each row of ``a`` with all of ``b``.
        b_to_a: (m,) float64 likewise.
    """

    within_a: Doubles
    within_b: Doubles
    a_to_b: Doubles
    b_to_a: Doubles

    @property
    def distance(self) -> float:
        """The squared distance, unbiased: below 0 by chance where the sets are alike."""
        n, m = len(self.within_a), len(self.within_b)
        return float(
            self.within_a.sum() / (n * (n - 1))
            + self.within_b.sum() / (m * (m - 1))
            - 2 * self.a_to_b.sum() / (n * m)
        )

    @property
    def influence(self) -> Doubles:
        """(n,) float64: by how much each row of ``a`` makes the distance greater.

        That is the distance as it is less the distance without the row.
        """
        n, m = len(self.within_a), len(self.within_b)
        fewer = (self.within_a.sum() - 2 * self.within_a) / ((n - 1) * (n - 2))
        across = (self.a_to_b.sum() - self.a_to_b) / ((n - 1) * m)
        other = self.within_b.sum() / (m * (m - 1))
        influence: Doubles = self.distance - (fewer + other - 2 * across)
        return influence

    def swapped(self) -> KernelSums:
        """The same, with the sets in the other order."""
        return KernelSums(self.within_b, self.within_a, self.b_to_a, self.a_to_b)


def kernel_sums(a: Rows, b: Rows) -> KernelSums:
    """Compare all rows with all, a block at a time.

    Args:
        a: (n, dim) floats, unit rows; three or more.
        b: (m, dim) floats, unit rows; three or more.
    """
    to_b, to_a = _sums(a, b)
    return KernelSums(_within(a), _within(b), to_b, to_a)


def kernel_distance(a: Rows, b: Rows) -> Estimate:
    """The squared kernel distance of two sets, with the jackknife's interval over single images.

    Args:
        a: (n, dim) floats, unit rows; three or more.
        b: (m, dim) floats, unit rows; three or more.
    """
    return estimate_of(kernel_sums(a, b))


def estimate_of(sums: KernelSums) -> Estimate:
    """The distance that sums make, with its interval."""
    value = sums.distance
    parts = [sums.influence, sums.swapped().influence]
    half = half_width([(_variance(part), len(part) - 1) for part in parts])
    return Estimate(value, value - half, value + half)


def _variance(influence: Doubles) -> float:
    n = len(influence)
    return float((n - 1) / n * np.sum((influence - influence.mean()) ** 2))


def _within(rows: Rows) -> Doubles:
    # a row with itself is no pair of images; unit rows make that 8, but for rounding
    own = (np.sum(np.square(rows, dtype=np.float64), axis=1) + 1) ** DEGREE
    sums: Doubles = _sums(rows, rows)[0] - own
    return sums


def _sums(a: Rows, b: Rows) -> tuple[Doubles, Doubles]:
    """(n,) sums over ``b`` and (m,) sums over ``a`` of the kernel."""
    b = np.asarray(b, np.float64)
    to_b, to_a = np.empty(len(a)), np.zeros(len(b))
    for start in range(0, len(a), _BLOCK):
        values = (np.asarray(a[start : start + _BLOCK], np.float64) @ b.T + 1) ** DEGREE
        to_b[start : start + len(values)] = values.sum(axis=1)
        to_a += values.sum(axis=0)
    return to_b, to_a
