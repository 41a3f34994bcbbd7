"""How good a ranking by vectors is, told by labels or by planted copies: pure, over arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]
Marks = NDArray[np.bool_]
_NORMAL = 1.959963984540054  # standard deviations on either side that hold 95%
_DRAWS = 2000  # of a bootstrap
_SAME = 1e-12  # differences that are as near are one


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean of some values between 0 and 1, and the bounds within which it is by 95%.

    Attributes:
        mean: of the values.
        low: lower bound.
        high: upper bound.
    """

    mean: float
    low: float
    high: float

    def meets(self, other: Interval) -> bool:
        """Whether what both know does not tell them apart."""
        return self.low <= other.high and other.low <= self.high


def interval(values: Doubles) -> Interval:
    """The mean of some values in [0, 1], with Wilson's interval (1927), which stays within these.

    It is for values that are 0 or 1; others have a smaller variance than those of the same mean,
    for which it is then too wide rather than too narrow.

    Args:
        values: (n,) float64.
    """
    return _wilson(float(np.mean(values)), float(len(values)))


def clustered_interval(values: Doubles, each: float) -> Interval:
    """The mean of answers about some images, several of each, with its 95% bounds.

    Answers about one image are alike, so that images are drawn anew and not answers (a cluster
    bootstrap; Davison and Hinkley, 1997). What is rarer than the sample shows no drawing shows
    either: so the bounds are at least as wide as Wilson's, of as many answers as their spread
    between images tells, from ``n`` to ``n * each``.

    Args:
        values: (n,) float64, of each image the mean of its answers, in [0, 1].
        each: how many these are.
    """
    n, mean = len(values), float(np.mean(values))
    spread = float(np.var(values, ddof=1)) if n > 1 else 0.0
    alike = min(each, max(1.0, mean * (1 - mean) / spread)) if spread > 0 else 1.0
    told = _wilson(mean, n * alike)
    drawn = np.random.default_rng(0).integers(0, n, (_DRAWS, n))
    low, high = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975]).tolist()
    return Interval(mean, min(told.low, low), max(told.high, high))


def _wilson(mean: float, n: float) -> Interval:
    z = _NORMAL**2
    centre = (mean + z / (2 * n)) / (1 + z / n)
    half = _NORMAL / (1 + z / n) * np.sqrt(mean * (1 - mean) / n + z / (4 * n * n))
    return Interval(mean, max(0.0, float(centre - half)), min(1.0, float(centre + half)))


def mean_interval(values: Doubles, each: float = 1) -> Interval:
    """``interval``, or ``clustered_interval`` where values are means of several answers.

    Args:
        values: (n,) float64 in [0, 1].
        each: how many answers a value is the mean of.
    """
    return interval(values) if each == 1 else clustered_interval(values, each)


def paired_interval(ours: Doubles, theirs: Doubles) -> Interval:
    """The mean of differences between two measures of the same images, with its 95% bounds.

    Where both measures are 0 or 1, images of which the two differ are few, and may be none: that
    none was seen does not say that there are none. So one of each kind is added to what was seen
    (Bonett and Price, 2012), and likewise where all differences are the same, of which the spread
    says nothing. The spread of other differences tells enough.

    Args:
        ours: (n,) float64 in [0, 1].
        theirs: likewise, of the same images.
    """
    apart = np.asarray(ours, np.float64) - theirs
    mean = float(apart.mean())
    if np.isin(apart, (-1.0, 0.0, 1.0)).all() or float(np.ptp(apart)) < _SAME:
        seen = np.append(apart, (1.0, -1.0))
        centre, spread = float(seen.mean()), float(seen.std())
    else:
        seen, centre, spread = apart, mean, float(apart.std(ddof=1))
    half = _NORMAL * spread / np.sqrt(len(seen))
    return Interval(mean, max(-1.0, float(centre - half)), min(1.0, float(centre + half)))


def knn_hits(scores: Floats, own: Ids, known: Ids, k: int) -> Doubles:
    """Whether the vote of each row's k nearest is its label: 1 or 0.

    The votes are weighed by rank where they tie, so that of two labels that are named as often the
    nearer one wins: the sum of 1 / rank decides.

    Args:
        scores: (q, n) float32 of each query row to each known row; -inf leaves one out.
        own: (q,) int64 labels of the queries, numbered from 0.
        known: (n,) int64 labels of the known rows.
        k: how many vote.

    Returns:
        (q,) float64.
    """
    ranked = _best(scores, k)
    votes = np.zeros((len(scores), int(max(known.max(), own.max())) + 1))
    rows = np.arange(len(scores))
    usable = np.isfinite(np.take_along_axis(scores, ranked, axis=1))
    for rank in range(ranked.shape[1]):
        weight = (1.0 + 1e-3 / (rank + 1)) * usable[:, rank]
        np.add.at(votes, (rows, known[ranked[:, rank]]), weight)
    right: Doubles = (votes.argmax(axis=1) == own).astype(np.float64)
    return right


def average_precisions(scores: Floats, relevant: Marks) -> Doubles:
    """The average precision of each row's whole ranking; NaN where nothing is relevant.

    The mean over the relevant ones of the share of relevant ones among those ranked as high, as
    scikit-learn's ``average_precision_score`` has it; equal scores come by their column.

    Args:
        scores: (q, n) float32; -inf leaves one out.
        relevant: (q, n) bool.

    Returns:
        (q,) float64.
    """
    order = np.argsort(-scores, axis=1, kind="stable")
    hits = np.take_along_axis(relevant & np.isfinite(scores), order, axis=1)
    ranks = np.arange(1, scores.shape[1] + 1)
    precision = np.cumsum(hits, axis=1) / ranks
    count = hits.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Doubles = (precision * hits).sum(axis=1) / np.where(count, count, np.nan)
    return found


def copy_hits(scores: Floats, originals: Ids) -> Doubles:
    """Whether the nearest of each copy is its original: 1 or 0; a tie with another counts as 0.

    Args:
        scores: (q, n) float32 of each copy to each original.
        originals: (q,) int64 column of each copy's own.

    Returns:
        (q,) float64.
    """
    rows = np.arange(len(scores))
    own = scores[rows, originals]
    others = scores.copy()
    others[rows, originals] = -np.inf
    right: Doubles = (own > others.max(axis=1)).astype(np.float64)
    return right


def folds(labels: Ids, count: int, seed: int) -> Ids:
    """Which fold each row is in, (n,) int64: each label is spread evenly (stratified).

    Args:
        labels: (n,) int64; of rows without labels, all 0.
        count: how many folds.
        seed: of the shuffle within each label.
    """
    generator = np.random.default_rng(seed)
    chosen = np.empty(len(labels), np.int64)
    start = 0
    for label in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == label))
        chosen[rows] = (np.arange(len(rows)) + start) % count
        start += len(rows)
    return chosen


def _best(scores: Floats, k: int) -> NDArray[np.intp]:
    """(q, k) columns of the best scores, best first, equal ones by column."""
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]
