"""Numbers with their intervals, by leaving out groups of images, or by parting them.

The bootstrap draws some images twice, and these measures take notice: a copy is its own nearest
neighbour, shrinks balls, and makes pairs of a U-statistic that are none of two images. So nothing
is drawn twice here: a measure is worked out again of some of the images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]
GROUPS = 20
PARTED = 12
"""Degrees of freedom by which parts tell a variance, as it varies in simulated sets."""
# Student's t that holds 95%, by degrees of freedom; between them the smaller number's holds.
_STUDENT = {
    1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 8: 2.31, 10: 2.23, 12: 2.18, 15: 2.13,
    19: 2.093, 24: 2.064, 30: 2.042, 38: 2.024, 60: 2.000, 120: 1.980, 1000: 1.962,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measure, and within which bounds it is by 95%.

    Attributes:
        value: of the measure.
        low: lower bound.
        high: upper bound.
    """

    value: float
    low: float
    high: float


def split(count: int, groups: int, seed: int) -> list[Ids]:
    """Rows 0 to ``count`` in groups at random, as equal in size as can be.

    Args:
        count: rows.
        groups: how many, at most ``count``.
        seed: of the draw.

    Returns:
        (n_g,) int64 ascending rows of each.
    """
    mixed = np.random.default_rng(seed).permutation(count)
    return [np.sort(part) for part in np.array_split(mixed, min(groups, count))]


def without(count: int, rows: Ids) -> Ids:
    """The rows from 0 to ``count`` that are not among some."""
    kept = np.ones(count, bool)
    kept[rows] = False
    return np.flatnonzero(kept)


def spread_of(replicates: Doubles) -> float:
    """The jackknife's variance of a measure from its values without each group.

    Args:
        replicates: (g,) float64.
    """
    groups = len(replicates)
    return float((groups - 1) / groups * np.sum((replicates - replicates.mean()) ** 2))


def by_parts(value: float, parts: Doubles) -> Estimate:
    """An estimate, 0 at least, from values of parts of the images that have none in common.

    Where an image is left out, balls change, and what the jackknife tells of that is too much.
    Values of parts that share no image differ as those of other images would, by a variance that is
    greater as the parts are smaller.

    Args:
        value: of all images.
        parts: (rounds, q) float64, each row of ``q`` parts of the images.
    """
    half = half_width([(_variance_of(parts), PARTED)])
    return Estimate(value, max(0.0, value - half), value + half)


def share_by_parts(value: float, parts: Doubles, count: int) -> Estimate:
    """As ``by_parts``, of a share of images.

    Its interval is found of the arcsine of its root, whose variance does not depend on it: parts
    reach less than all do. Near 0 and 1 all parts may say the same; it is never narrower than that
    of as many images that are each in or out by themselves.

    Args:
        value: of all images.
        parts: (rounds, q) float64.
        count: images that it is a share of.
    """
    variance = max(_variance_of(np.arcsin(np.sqrt(parts))), 1 / (4 * count))
    half = half_width([(variance, PARTED)])
    middle = float(np.arcsin(np.sqrt(value)))
    low, high = max(0.0, middle - half), min(np.pi / 2, middle + half)
    return Estimate(value, float(np.sin(low) ** 2), float(np.sin(high) ** 2))


def _variance_of(parts: Doubles) -> float:
    variances: Doubles = parts.var(axis=1, ddof=1)
    count: int = parts.shape[1]
    return float(variances.mean()) / count


def half_width(variances: list[tuple[float, int]]) -> float:
    """Half of the 95% interval of a sum of independent parts.

    Args:
        variances: of each part, with the degrees of freedom that it is known by.
    """
    total = sum(variance for variance, _ in variances)
    if total <= 0:
        return 0.0
    # Welch and Satterthwaite's degrees of freedom
    known = sum(variance**2 / freedom for variance, freedom in variances)
    return student(total**2 / known) * float(np.sqrt(total))


def student(freedom: float) -> float:
    """How many standard errors on either side hold 95%, a little too many between known ones."""
    return next((_STUDENT[n] for n in reversed(_STUDENT) if n <= freedom), _STUDENT[1])


def leave_out(
    measure: Callable[[Ids], float], count: int, *, groups: int = GROUPS, seed: int = 0
) -> Doubles:
    """(g,) float64 values of a measure of the rows that are left without each group."""
    return np.array([measure(without(count, rows)) for rows in split(count, groups, seed)])
