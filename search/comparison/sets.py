"""Two sets of images compared in one space, or in several that are weighed as a search does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.wording import counted
from vitrail.search.comparison.estimates import GROUPS, Doubles, Estimate
from vitrail.search.comparison.frechet import endless_distance
from vitrail.search.comparison.kernel import KernelSums, estimate_of, kernel_sums
from vitrail.search.comparison.manifold import NEAREST, Manifolds, manifolds, measure
from vitrail.search.comparison.sufficiency import (
    FEWEST,
    FEWEST_IN_BALLS,
    needed_for_frechet,
    needed_for_vendi,
)
from vitrail.search.comparison.vendi import vendi_estimate

Rows = NDArray[np.floating]
MEASURES = (
    "frechet",
    "kernel",
    "precision",
    "recall",
    "density",
    "coverage",
    "vendi_a",
    "vendi_b",
)
"""Names of the measures, in the order in which they are told."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of two sets.

    Attributes:
        name: one of ``MEASURES``.
        estimate: the number and its interval; ``None`` where there are too few images.
        images: (of a, of b) that it is of; 0 where it is of one set alone.
        needed: images of each set that it needs; 0 where there are enough.
        plain: of the Fréchet distance, as it is of so many images, too great by what few do.
    """

    name: str
    estimate: Estimate | None
    images: tuple[int, int]
    needed: int = 0
    plain: float | None = None

    @property
    def refusal(self) -> str:
        """Why there is no number, in words; empty where there is one."""
        if self.estimate is not None:
            return ""
        fewest = min(count for count in self.images if count)
        return f"needs {counted(self.needed, 'image')} of each set; there are {fewest:,}"


@dataclass(frozen=True, slots=True)
class SpaceComparison:
    """Two sets, held against one another in one space or a mixture.

    Attributes:
        weights: space name -> share.
        measures: in the order of ``MEASURES``.
        sums: what the kernel distance is made of; ``None`` of less than three images.
        found: which images of all lie in which balls; ``None`` where either set is too small.
    """

    weights: Mapping[str, float]
    measures: tuple[Measure, ...]
    sums: KernelSums | None = field(repr=False)
    found: Manifolds | None = field(repr=False)

    def __getitem__(self, name: str) -> Measure:
        """A measure by its name."""
        return next(one for one in self.measures if one.name == name)


def compare_rows(
    a: Rows,
    b: Rows,
    weights: Mapping[str, float],
    *,
    k: int = NEAREST,
    groups: int = GROUPS,
    seed: int = 0,
) -> SpaceComparison:
    """Measure two sets; what there are too few images for is refused, and how many it needs told.

    All but the kernel distance are of as many images of each set as the smaller has, drawn at
    random: they depend on how many there are. What is found of single images is of all.

    Args:
        a: (n, dim) floats, unit rows.
        b: (m, dim) floats, unit rows.
        weights: space name -> share, what they are rows of.
        k: neighbours, of precision and its like.
        groups: that are left out for the intervals.
        seed: of all that is drawn.
    """
    least = min(len(a), len(b))
    sums = kernel_sums(a, b) if least > 2 else None
    found = manifolds(a, b, k) if least > k else None
    measures = (
        _frechet(a, b, groups, seed),
        _kernel(a, b, sums),
        *_shares(a, b, k, seed),
        _vendi("vendi_a", a, least, groups, seed),
        _vendi("vendi_b", b, least, groups, seed),
    )
    return SpaceComparison(dict(weights), measures, sums, found)


def _frechet(a: Rows, b: Rows, groups: int, seed: int) -> Measure:
    least = min(len(a), len(b))
    needed = needed_for_frechet(a.shape[1])
    if least < needed:
        return Measure("frechet", None, (len(a), len(b)), needed)
    drawn = _drawn(a, least, seed), _drawn(b, least, seed)
    plain, endless = endless_distance(*drawn, groups=groups, seed=seed)
    return Measure("frechet", endless, (least, least), plain=plain)


def _kernel(a: Rows, b: Rows, sums: KernelSums | None) -> Measure:
    images = (len(a), len(b))
    if sums is None or min(images) < FEWEST:
        return Measure("kernel", None, images, FEWEST)
    return Measure("kernel", estimate_of(sums), images)


def _shares(a: Rows, b: Rows, k: int, seed: int) -> tuple[Measure, ...]:
    names, least = MEASURES[2:6], min(len(a), len(b))
    if least < FEWEST_IN_BALLS:
        return tuple(Measure(name, None, (len(a), len(b)), FEWEST_IN_BALLS) for name in names)
    told = measure(_drawn(a, least, seed), _drawn(b, least, seed), k, seed=seed)
    values = (told.precision, told.recall, told.density, told.coverage)
    return tuple(
        Measure(name, value, (least, least)) for name, value in zip(names, values, strict=True)
    )


def _vendi(name: str, rows: Rows, size: int, groups: int, seed: int) -> Measure:
    used = size * (len(rows) // size) if size else 0
    images = (used, 0) if name == "vendi_a" else (0, used)
    there = (size, 0) if name == "vendi_a" else (0, size)
    if size < FEWEST:
        return Measure(name, None, there, FEWEST)
    found = vendi_estimate(rows, size, groups=groups, seed=seed)
    needed = needed_for_vendi(found.value)
    if size < needed:
        return Measure(name, None, there, needed)
    return Measure(name, found, images)


def _drawn(rows: Rows, size: int, seed: int) -> Rows:
    if len(rows) == size:
        return rows
    chosen = np.random.default_rng(seed).choice(len(rows), size, replace=False)
    return rows[np.sort(chosen)]


def nearest_rows(found: Manifolds) -> tuple[NDArray[np.int64], Doubles]:
    """The nearest row of ``b`` to each row of ``a``: (n,) int64, and (n,) float64 cosines."""
    best = found.cosines.argmax(axis=1)
    return best, found.cosines[np.arange(len(best)), best].astype(np.float64)
