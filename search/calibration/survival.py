"""How often a random number is at least so large, from a sample: counted, and beyond it fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TAIL = 250  # of the sample that the fit of the tail goes by, at most
_TAIL_SHARE = 0.1  # of the sample, likewise
_KNOTS = 400  # of each part of the curve


@dataclass(frozen=True, slots=True)
class Survival:
    """The share of a population that reaches a value, as a falling curve between knots.

    Attributes:
        values: (k,) float64, ascending.
        logs: (k,) float64 logarithms of the shares, strictly falling; 0 at the first value.
    """

    values: Floats
    logs: Floats

    @property
    def least(self) -> float:
        """The smallest share that the sample can tell."""
        return float(np.exp(self.logs[-1]))

    def rate(self, values: NDArray[np.floating]) -> Floats:
        """The share that reaches each of (n,) values: (n,) float64, in [``least``, 1]."""
        logs: Floats = np.interp(np.asarray(values, np.float64), self.values, self.logs)
        return np.exp(logs)

    def value(self, rate: float) -> float | None:
        """The least value that a share of at most ``rate`` reaches.

        Returns:
            ``None`` where ``rate`` is smaller than the sample can tell.
        """
        log = np.log(max(rate, 1e-300))
        if log < self.logs[-1] - 1e-9:
            return None
        return float(np.interp(-log, -self.logs, self.values))


def fit(values: NDArray[np.floating], counts: NDArray[np.floating]) -> Survival:
    """The curve of a weighted sample.

    What at least ``TAIL`` of the sample reach is counted. Above, a generalised Pareto distribution
    (Pickands, 1975) goes on as far as one in the whole population, and no further.

    Args:
        values: (n,) finite numbers, n at least 2.
        counts: (n,) above 0: for how many of the population each stands.
    """
    order = np.argsort(values, kind="stable")[::-1]
    falling, weights = values[order].astype(np.float64), counts[order].astype(np.float64)
    total = float(weights.sum())
    # each stands in the middle of those that it stands for
    reached = (np.cumsum(weights) - weights / 2) / total
    tail = max(1, min(TAIL, int(_TAIL_SHARE * len(falling))))
    start, share = float(falling[tail - 1]), float(reached[tail - 1])
    body = np.unique(np.concatenate([np.linspace(1, share, _KNOTS), _down(1, share)]))[::-1]
    at = np.interp(body, reached, falling)
    at[0] = falling[-1]
    rare = _down(share, min(share, 1 / total))[1:]
    beyond = start + _excess(falling[:tail] - start, weights[:tail], rare / share)
    return _strictly(np.concatenate([at, beyond]), np.log(np.concatenate([body, rare])))


def _down(start: float, end: float) -> Floats:
    return np.geomspace(start, end, _KNOTS)


def _excess(excesses: Floats, weights: Floats, rates: Floats) -> Floats:
    """How far above its start a fitted tail is reached at each rate, (n,) in (0, 1].

    The two parameters are found by probability-weighted moments (Hosking and Wallis, 1987), which
    are steady where likelihood is not: with few excesses, and with an upper end, as cosines have.
    """
    if len(excesses) < 2:
        return np.zeros_like(rates)
    share = weights / weights.sum()
    above = np.cumsum(share) - share / 2
    mean, moment = float(share @ excesses), float((share * above) @ excesses)
    if mean <= 0:
        return np.zeros_like(rates)
    shape = 2 - mean / max(mean - 2 * moment, 1e-12)
    scale = (1 - shape) * mean
    if abs(shape) < 1e-6:
        return -scale * np.log(rates)
    grown: Floats = scale / shape * (rates**-shape - 1)
    return grown


def _strictly(values: Floats, logs: Floats) -> Survival:
    """Knots whose values and shares are both without ties, of which the larger share stays."""
    values = np.maximum.accumulate(values)
    keep = np.concatenate([[True], np.diff(values) > 0])
    last = len(keep) - 1
    if not keep[last]:  # the smallest share is told, at the largest value
        keep[last], keep[np.flatnonzero(keep)[-1]] = True, keep.sum() == 1
        values = values.copy()
        values[last] = np.nextafter(values[last], np.inf)
    return Survival(values[keep], logs[keep])
