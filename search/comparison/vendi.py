"""The Vendi score (Friedman and Dieng 2023): as how many images that share nothing a set counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitrail.search.comparison.estimates import (
    GROUPS,
    Estimate,
    half_width,
    leave_out,
    spread_of,
)

Rows = NDArray[np.floating]


def vendi_score(rows: Rows) -> float:
    """The exponential of the entropy of the eigenvalues of the cosines, by the number of rows.

    Args:
        rows: (n, dim) floats, unit rows.

    Returns:
        1, where all are the same, to n, where all are at right angles.
    """
    wide = np.asarray(rows, np.float64)
    product = wide @ wide.T if len(wide) < wide.shape[1] else wide.T @ wide
    values = np.linalg.eigvalsh(product / len(wide))
    shares = values[values > 1e-15]
    return float(np.exp(-np.sum(shares * np.log(shares))))


def vendi_estimate(rows: Rows, size: int, *, groups: int = GROUPS, seed: int = 0) -> Estimate:
    """The Vendi score of a set's images, ``size`` at a time: it rises with their number.

    Args:
        rows: (n, dim) floats, unit rows; ``size`` or more.
        size: of the parts that are scored; what is left over is left out.
        groups: of a part's images that are left out, one after another.
        seed: of the parts and the groups.
    """
    mixed = np.random.default_rng(seed).permutation(len(rows))
    parts = [rows[mixed[at : at + size]] for at in range(0, len(rows) - size + 1, size)]
    value = float(np.mean([vendi_score(part) for part in parts]))
    first = parts[0]
    alone = leave_out(lambda kept: vendi_score(first[kept]), size, groups=groups, seed=seed)
    half = half_width([(spread_of(alone) / len(parts), len(alone) - 1)])
    return Estimate(value, max(1.0, value - half), min(float(size), value + half))
