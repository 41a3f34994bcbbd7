"""From which score on an image is held to copy, and how far that can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrail.search.measures import Interval, clustered_interval

Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]


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
    falling = np.sort(nulls)[::-1]
    return float(np.nextafter(falling[_allowed(len(nulls), rate)], np.inf))


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
    return Curve(false, caught, _area(copies, originals, nulls))


def _area(copies: Doubles, originals: Ids, nulls: Doubles) -> Interval:
    """The area, with bounds that tell of the originals and of the innocent images drawn."""
    _, which = np.unique(originals, return_inverse=True)
    sizes = np.bincount(which)
    means = np.bincount(which, _wins(copies, nulls)) / sizes
    told = clustered_interval(means, float(sizes.mean()))
    # the share of copies above each innocent image varies too (DeLong et al., 1988)
    spread = 1.96 * float(np.sqrt(_wins(-nulls, -copies).var() / len(nulls)))
    area = float(np.average(means, weights=sizes))
    low = area - np.hypot(max(0.0, area - told.low), spread)
    high = area + np.hypot(max(0.0, told.high - area), spread)
    return Interval(area, max(0.0, float(low)), min(1.0, float(high)))


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


class Chance(NamedTuple):
    """How many of some innocent images reach a line.

    Attributes:
        expected: on average.
        at_most: in nineteen of twenty audits no more do.
    """

    expected: float
    at_most: int


def by_chance(images: int, innocent: int, rate: float) -> Chance | None:
    """How many of so many images reach the line of a rate, if all are innocent.

    The line is itself an innocent image's score, and lies now higher, now lower: so the count
    varies more than a binomial one. It is beta-binomial, however the scores are distributed; ties
    make it less.

    Args:
        images: that are held against the line.
        innocent: images that the line was drawn by.
        rate: of the line, in (0, 1).

    Returns:
        ``None`` where there are too few innocent images for a line; see ``needed_for``.
    """
    if innocent < needed_for(rate):
        return None
    above = _allowed(innocent, rate) + 1
    shares = _beta_binomial(images, above, innocent + 1 - above)
    return Chance(images * above / (innocent + 1), int(np.searchsorted(np.cumsum(shares), 0.95)))


def rate_of_pairs(innocent: int, rate: float) -> float | None:
    """The share of new innocent images that reach the line of a rate where those come in pairs.

    Two innocent images that resemble one another both score high, each by the other, where a new
    one scores by itself: the line that so few tell is lower by then than its rate says. 0.02 of
    99 for 0.01; of 999 there is no difference.

    Args:
        innocent: images that the line was drawn by.
        rate: of the line, in (0, 1).

    Returns:
        ``None`` where there are too few innocent images for a line; see ``needed_for``.
    """
    if innocent < needed_for(rate):
        return None
    pairs = ceil((_allowed(innocent, rate) + 1) / 2)
    return 2 * pairs / (innocent + 1)


def _allowed(innocent: int, rate: float) -> int:
    """Innocent images that may score above the line of a rate."""
    return int((innocent + 1) * rate + 1e-9) - 1


def _beta_binomial(n: int, a: int, b: int) -> Doubles:
    """(n + 1,) probabilities of so many of ``n``, by the ratio of each to the one before."""
    k = np.arange(n, dtype=np.float64)
    ratios = (n - k) * (k + a) / ((k + 1) * (n - k - 1 + b))
    logs = np.concatenate([[0.0], np.cumsum(np.log(ratios))])
    found: Doubles = np.exp(logs - logs.max())
    found /= found.sum()
    return found
