"""From which score on an image is held to copy, and how far that can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from vitrail.search.measures import Interval

Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]
_DRAWS = 1000
_SEED = 0


def false_positive_rates(scores: Doubles, nulls: Doubles) -> Doubles:
    """How often innocent images score as high: (n,), never below 1 in (innocent ones + 1).

    Args:
        scores: (n,) of any images.
        nulls: (m,) of images that copy nothing.
    """
    ascending = np.sort(nulls)
    as_high = len(nulls) - np.searchsorted(ascending, scores, side="left")
    rates: Doubles = (as_high + 1) / (len(nulls) + 1)
    return np.minimum(rates, 1)


def needed_for(rate: float) -> int:
    """Innocent images from which on a rate can be told."""
    return ceil(1 / rate - 1 - 1e-9)


def threshold(nulls: Doubles, rate: float) -> float | None:
    """The least score whose false-positive rate is at most ``rate``, just above an innocent one.

    Returns:
        ``None`` where there are too few innocent images; see ``needed_for``.
    """
    if len(nulls) < needed_for(rate):
        return None
    allowed = int((len(nulls) + 1) * rate + 1e-9) - 1  # innocent images that may score as high
    falling = np.sort(nulls)[::-1]
    return float(np.nextafter(falling[allowed], np.inf))


@dataclass(frozen=True, slots=True)
class Curve:
    """A receiver operating characteristic.

    Attributes:
        false: (k,) float64 rates of innocent images above each threshold, ascending from 0 to 1.
        caught: (k,) float64 rates of copies above it.
        area: under the curve, with its 95% interval over originals.
    """

    false: Doubles
    caught: Doubles
    area: Interval


def curve(copies: Doubles, originals: Ids, nulls: Doubles) -> Curve:
    """How well a score parts copies from innocent images, at every threshold.

    Args:
        copies: (c,) scores of copies, c at least 1.
        originals: (c,) of which original each is; copies of one are drawn together for the
            interval, since they are alike.
        nulls: (m,) scores of innocent images, m at least 1.
    """
    at = np.unique(np.concatenate([copies, nulls, [-np.inf]]))[::-1]
    false = np.concatenate([[0.0], _reaching(nulls, at)])
    caught = np.concatenate([[0.0], _reaching(copies, at)])
    wins = _wins(copies, nulls)
    own, which = np.unique(originals, return_inverse=True)
    sums, sizes = np.bincount(which, wins), np.bincount(which)
    random = np.random.default_rng(_SEED)
    drawn = random.integers(0, len(own), (_DRAWS, len(own)))
    areas = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    # of the innocent images too, as far as their number tells (Hanley and McNeil, 1982)
    area = float(wins.mean())
    spread = float(np.sqrt(areas.var() + max(area * (1 - area), 0) / (2 * len(nulls))))
    low, high = area - 1.96 * spread, area + 1.96 * spread
    return Curve(false, caught, Interval(area, max(0.0, low), min(1.0, high)))


def _reaching(scores: Doubles, at: Doubles) -> Doubles:
    ascending = np.sort(scores)
    reached: Doubles = 1 - np.searchsorted(ascending, at, side="left") / len(scores)
    return reached


def _wins(copies: Doubles, nulls: Doubles) -> Doubles:
    """(c,) share of the innocent images that each copy scores above, ties by half."""
    ascending = np.sort(nulls)
    below = np.searchsorted(ascending, copies, side="left")
    upto = np.searchsorted(ascending, copies, side="right")
    shares: Doubles = (below + upto) / (2 * len(nulls))
    return shares


def expected_above(images: int, rate: float) -> tuple[float, int]:
    """How many of so many innocent images score above the threshold of a rate.

    Returns:
        the mean, and how many are exceeded only once in twenty times (binomial).
    """
    mean = images * rate
    shares = _binomial(images, rate)
    most = int(np.searchsorted(np.cumsum(shares), 0.95))
    return mean, most


def _binomial(n: int, p: float) -> Doubles:
    """(n + 1,) probabilities of so many of ``n``."""
    from math import lgamma

    k = np.arange(n + 1)
    logs = np.array([lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1) for i in k])
    with np.errstate(divide="ignore"):
        powers = k * np.log(p) + (n - k) * np.log1p(-p) if 0 < p < 1 else np.zeros(n + 1)
    found: Doubles = np.exp(logs + powers)
    return found


def shares_above(scores: Doubles, lines: Sequence[float | None]) -> list[float | None]:
    """Which share of some scores reaches each line; ``None`` beside a line that is not known."""
    return [None if line is None else float(np.mean(scores >= line)) for line in lines]
