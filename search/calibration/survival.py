"""How often a random number is at least so large, from a sample: counted, and beyond it fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TAIL = 250  # of the sample that the fit of the tail goes by, at most
_TAIL_SHARE = 0.1  # of the sample, likewise
_FORESEEN = 0.001  # of the smallest share that is told
_KNOTS = 400  # of each part of the curve


@dataclass(frozen=True, slots=True)
class Survival:
    """The share of a population that reaches a value, as a falling curve between knots.

    Attributes:
        values: (k,) float64, ascending.
        logs: (k,) float64 logarithms of the shares, strictly falling; 0 at the first value.
        least: the smallest share that is told: one of the whole population.
    """

    values: Floats
    logs: Floats
    least: float

    def rate(self, values: NDArray[np.floating]) -> Floats:
        """The share that reaches each of (n,) values: (n,) float64, in [``least``, 1]."""
        logs: Floats = np.interp(np.asarray(values, np.float64), self.values, self.logs)
        return np.maximum(np.exp(logs), self.least)

    def value(self, rate: float) -> float | None:
        """The least value that a share of at most ``rate`` reaches.

        Returns:
            ``None`` where ``rate`` is smaller than the sample can tell.
        """
        return None if rate < self.least * (1 - 1e-9) else self.expected(rate)

    def expected(self, rate: float) -> float:
        """As ``value``; of smaller rates what the tail lets expect, a thousandfold at most."""
        return float(np.interp(-np.log(max(rate, 1e-300)), -self.logs, self.values))


def fit(values: NDArray[np.floating], counts: NDArray[np.floating]) -> Survival:
    """The curve of a weighted sample.

    What at least ``TAIL`` of the sample reach is counted. Above, a generalised Pareto distribution
    (Pickands, 1975) goes on, of which no share smaller than one in the whole population is told.

    Args:
        values: (n,) finite numbers, n at least 2.
        counts: (n,) from 1 on: for how many of the population each stands.
    """
    order = np.argsort(values, kind="stable")[::-1]
    falling, weights = values[order].astype(np.float64), counts[order].astype(np.float64)
    total = float(weights.sum())
    # each stands in the middle of those that it stands for; less than one of all is never told
    reached = np.maximum(np.cumsum(weights) - weights / 2, 1) / total
    tail = max(1, min(TAIL, int(_TAIL_SHARE * len(falling))))
    start, share = float(falling[tail - 1]), float(reached[tail - 1])
    body = np.sort(np.concatenate([np.linspace(1, share, _KNOTS), _down(1, share)]))[::-1]
    at = np.interp(body, reached, falling)
    at[0] = falling[-1]
    rare = np.concatenate([_down(share, 1 / total)[1:], _down(1 / total, _FORESEEN / total)[1:]])
    beyond = start + _excess(falling[:tail] - start, weights[:tail], rare / share)
    knots, logs = np.concatenate([at, beyond]), np.log(np.concatenate([body, rare]))
    return Survival(*_strictly(knots, logs), 1 / total)


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


def _strictly(values: Floats, logs: Floats) -> tuple[Floats, Floats]:
    """Knots whose values and shares are both without ties, of which the larger share stays."""
    values = np.maximum.accumulate(values)
    keep = np.concatenate([[True], (np.diff(values) > 0) & (np.diff(logs) < 0)])
    if not keep[-1]:  # beyond the largest value is the smallest share
        keep[-1] = True
        values[-1] = np.nextafter(values[-1], np.inf)
    return values[keep], logs[keep]
