"""The Fréchet distance of two sets of features (Heusel et al. 2017), and that of endless sets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitrail.search.comparison.estimates import (
    GROUPS,
    Doubles,
    Estimate,
    half_width,
    leave_out,
    spread_of,
)

Rows = NDArray[np.floating]


class FeatureMoments:
    """The mean of some rows, and a factor of their covariance.

    Args:
        rows: (n, dim) floats, two or more rows.
    """

    def __init__(self, rows: Rows) -> None:
        wide = np.asarray(rows, np.float64)
        self.mean: Doubles = wide.mean(axis=0)
        centred = (wide - self.mean) / np.sqrt(len(wide) - 1)
        # (r, dim), whose product with itself is the covariance: whichever is shorter
        self.factor: Doubles = centred
        if len(centred) > centred.shape[1]:
            self.factor = np.linalg.qr(centred).R

    @property
    def variance(self) -> float:
        """The trace of the covariance."""
        return float(np.sum(self.factor**2))


def frechet_distance(a: FeatureMoments, b: FeatureMoments) -> float:
    """Squared distance of the means, and of the covariances as Gaussians have it.

    The trace of the root of a product of covariances is the sum of the singular values of their
    factors' product: no root of a matrix that may be singular is taken, and none is complex.

    Args:
        a: of one set.
        b: of the other, of the same width.
    """
    roots = np.linalg.svd(a.factor @ b.factor.T, compute_uv=False).sum()
    shift = np.sum((a.mean - b.mean) ** 2)
    return max(0.0, float(shift + a.variance + b.variance - 2 * roots))


def endless_distance(
    a: Rows, b: Rows, *, groups: int = GROUPS, seed: int = 0
) -> tuple[float, Estimate]:
    """The Fréchet distance of two sets, and what it would be of endlessly many images.

    It is too great by a part that goes with 1/n (Chong and Forsyth 2020). What it rises by where a
    twentieth of the images is left out says how much that is; the estimate is without it.

    Args:
        a: (n, dim) floats, more rows than they are wide.
        b: (n, dim) floats: as many, since of sets of different sizes the parts do not add up where
            there are not many more rows than these are wide.
        groups: that are left out, one after another.
        seed: of the groups.

    Returns:
        The distance as it is, and the estimate of that of endless sets, 0 at least.
    """
    ours, theirs = FeatureMoments(a), FeatureMoments(b)
    plain = frechet_distance(ours, theirs)
    parts = (
        leave_out(
            lambda kept: frechet_distance(FeatureMoments(a[kept]), theirs),
            len(a),
            groups=groups,
            seed=seed,
        ),
        leave_out(
            lambda kept: frechet_distance(ours, FeatureMoments(b[kept])),
            len(b),
            groups=groups,
            seed=seed + 1,
        ),
    )
    endless = plain + sum((len(part) - 1) * (plain - float(part.mean())) for part in parts)
    half = half_width([(spread_of(part), len(part) - 1) for part in parts])
    return plain, Estimate(max(0.0, endless), max(0.0, endless - half), max(0.0, endless + half))
