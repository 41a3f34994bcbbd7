"""What checkpoints make of one fixed set of prompts and seeds, in numbers: pure, over arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class MadeSet:
    """What a checkpoint makes of the fixed set.

    Attributes:
        step: that it follows; 0 for the checkpoint that learning began with.
        subject: (p, s, dim) float32 unit rows, of p prompts of what was taught by s seeds.
        others: (q, s, dim) likewise, of prompts of what was not; q may be 0.
        copying: (p, s) float64, how far each image of the subject agrees with a taught one; NaN
            where nothing tells.
    """

    step: int
    subject: Floats
    others: Floats
    copying: Doubles

    @property
    def seeds(self) -> int:
        """How many."""
        return int(self.subject.shape[1])

    def of(self, seeds: Ids) -> MadeSet:
        """What it makes of some of the seeds, by their places (k,) int64."""
        return MadeSet(
            self.step, self.subject[:, seeds], self.others[:, seeds], self.copying[:, seeds]
        )


class Taught(NamedTuple):
    """What the taught images are to one another.

    Attributes:
        fidelity: mean cosine of each to the nearest other one.
        diversity: mean distance (1 - cosine) of two.
        spread: standard deviation of ``fidelity`` from image to image.
    """

    fidelity: float
    diversity: float
    spread: float


class Measures(NamedTuple):
    """What a set is worth, in four numbers.

    Attributes:
        fidelity: mean cosine of an image of the subject to the nearest taught one.
        diversity: mean distance (1 - cosine) of two images of the subject from different seeds.
        drift: mean distance of an image that is not of the subject to what the checkpoint at the
            beginning makes of the same prompt and seed; NaN without such prompts.
        copied: share of the images of the subject that reach the line from which an image is held
            to be a copy; NaN without a line.
    """

    fidelity: float
    diversity: float
    drift: float
    copied: float


def taught_among_themselves(taught: Floats) -> Taught:
    """What the taught images are to one another.

    Args:
        taught: (m, dim) float32 unit rows, m at least 2.
    """
    cosines = np.asarray(taught, np.float64) @ np.asarray(taught, np.float64).T
    apart = ~np.eye(len(taught), dtype=bool)
    nearest = np.where(apart, cosines, -np.inf).max(axis=1)
    return Taught(
        float(nearest.mean()), float(1 - cosines[apart].mean()), float(nearest.std(ddof=1))
    )


def measure(made: MadeSet, base: MadeSet, taught: Floats, line: float | None) -> Measures:
    """A set in numbers.

    Args:
        made: of 2 seeds or more.
        base: what the checkpoint at the beginning makes of the same.
        taught: (m, dim) float32 unit rows.
        line: ``copying`` from which an image is held to be a copy; ``None`` where none is known.
    """
    nearest = (made.subject @ taught.T).max(axis=2)
    drift = np.nan
    if made.others.size:
        cosines = np.einsum("qsd,qsd->qs", made.others, base.others, dtype=np.float64)
        drift = max(0.0, float(1 - cosines.mean()))  # less is what rounding leaves
    told = made.copying[~np.isnan(made.copying)]
    copied = np.nan if line is None or not len(told) else float(np.mean(told >= line))
    return Measures(
        float(nearest.mean(dtype=np.float64)),
        _between_groups(made.subject.swapaxes(0, 1)),
        drift,
        copied,
    )


def usual_drift(base: MadeSet) -> float:
    """Mean distance (1 - cosine) of two images of different prompts, as it is at the beginning.

    That is how far an image has drifted of whose prompt nothing is left. Seeds would not do: a
    small checkpoint makes nearly the same of all of them. NaN without prompts that are not of the
    subject.
    """
    if not base.others.size:
        return np.nan
    return _between_groups(np.concatenate([base.subject, base.others]))


def _between_groups(rows: Floats) -> float:
    """Mean distance of two rows of different groups.

    Args:
        rows: (groups, n, dim) unit rows, of 2 groups at least.
    """
    wide = np.asarray(rows, np.float64)
    groups, each = wide.shape[:2]
    sums = wide.sum(axis=1)
    # all pairs, less those within a group
    total = (sums.sum(axis=0) ** 2).sum() - (sums**2).sum()
    return float(1 - total / (each**2 * groups * (groups - 1)))
